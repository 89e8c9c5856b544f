#include "evaluation/oracle.hpp"

#include "svsep/error.hpp"
#include "svsep/stft.hpp"

#include <algorithm>
#include <complex>
#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

namespace svsep {
namespace {

using Frame = std::vector<std::complex<float>>;

constexpr StftParameters kStft{.fft_samples = 2048, .window_samples = 2048, .hop_samples = 1024};
constexpr std::size_t kBlockSamples =
    1U << 16U;  // of both stems in turn, so that few frames wait for each other

float vocal_share(std::complex<float> vocals, std::complex<float> accompaniment, OracleMask mask) {
  const float v = std::norm(vocals);
  const float a = std::norm(accompaniment);
  if (mask == OracleMask::binary) return v > a ? 1.0F : 0.0F;
  return v > 0.0F ? v / (v + a) : 0.0F;
}

std::vector<float> masked_vocals(Samples vocals, Samples accompaniment, OracleMask mask) {
  std::vector<float> output;
  output.reserve(vocals.size());
  InverseStft inverse(kStft,
                      [&](Samples samples) { output.insert(output.end(), samples.begin(), samples.end()); });
  std::deque<Frame> waiting;
  Stft of_vocals(kStft, [&](Spectrum frame) { waiting.emplace_back(frame.begin(), frame.end()); });
  Stft of_accompaniment(kStft, [&](Spectrum frame) {
    Frame estimate = std::move(waiting.front());
    waiting.pop_front();
    for (std::size_t k = 0; k < estimate.size(); ++k) {
      const float share = vocal_share(estimate[k], frame[k], mask);
      estimate[k] = share * (estimate[k] + frame[k]);
    }
    inverse.push(estimate);
  });
  for (std::size_t begin = 0; begin < vocals.size(); begin += kBlockSamples) {
    const std::size_t count = std::min(kBlockSamples, vocals.size() - begin);
    of_vocals.push(vocals.subspan(begin, count));
    of_accompaniment.push(accompaniment.subspan(begin, count));
  }
  of_vocals.finish();
  of_accompaniment.finish();
  inverse.finish(vocals.size());
  return output;
}

}  // namespace

std::array<AudioBuffer, 2> oracle_estimates(const AudioBuffer& vocals, const AudioBuffer& accompaniment,
                                            OracleMask mask) {
  if (vocals.channels.size() != accompaniment.channels.size() ||
      vocals.samples() != accompaniment.samples()) {
    throw Error(ErrorKind::input,
                "cannot make oracle estimates: the vocals and the accompaniment differ in shape");
  }
  std::array<AudioBuffer, 2> estimates;
  for (std::size_t c = 0; c < vocals.channels.size(); ++c) {
    const std::vector<float>& v = vocals.channels[c];
    const std::vector<float>& a = accompaniment.channels[c];
    std::vector<float> rest(v.size());
    std::vector<float> estimate = masked_vocals(v, a, mask);
    for (std::size_t n = 0; n < v.size(); ++n) rest[n] = v[n] + a[n] - estimate[n];
    estimates[0].channels.push_back(std::move(estimate));
    estimates[1].channels.push_back(std::move(rest));
  }
  return estimates;
}

}  // namespace svsep
