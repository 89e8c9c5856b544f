// Times the stages of `svsep separate` one by one on the first twelve seconds of a song (noise, where none is
// named):
//
//   benchmark_stages [SONG] [--benchmark_filter=...]
//
// Counters of an iteration: the seconds of audio that it handles, and the multiply-adds and bytes that the
// job needs however well it is programmed. Bytes are those of a stage's input and output, and of a network's
// weights once a call; what lies between layers could stay in caches. An FFT of n real samples is taken
// as 1.25 n log2 n multiply-adds.
#include "backend/backend.hpp"
#include "core/rng.hpp"
#include "dsp/resampler.hpp"
#include "separation/song_stft.hpp"
#include "svsep/decoder.hpp"
#include "svsep/encoder.hpp"
#include "svsep/mask_estimator.hpp"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr int kNoiseRateHz = 44100;
constexpr double kPieceS = 12;

struct Cost {
  double audio_s = 0;
  double multiply_adds = 0;
  double bytes = 0;
};

void state_cost(benchmark::State& state, const Cost& cost) {
  state.counters["audio_s"] = cost.audio_s;
  state.counters["multiply_adds"] = cost.multiply_adds;
  state.counters["bytes"] = cost.bytes;
}

struct Piece {
  AudioBuffer audio;
  int rate_hz = kNoiseRateHz;
  fs::path mp3;

  [[nodiscard]] double channels() const { return static_cast<double>(audio.channels.size()); }
  [[nodiscard]] double samples() const { return static_cast<double>(audio.samples()); }
  [[nodiscard]] double seconds() const { return samples() / rate_hz; }
};

double fft_multiply_adds(const StftParameters& stft) {
  const auto n = static_cast<double>(stft.fft_samples);
  return 1.25 * n * std::log2(n) + static_cast<double>(stft.window_samples);
}

/// Samples once, complex bins once.
double frame_bytes(const StftParameters& stft) {
  return static_cast<double>(4 * stft.hop_samples + 8 * stft.bins());
}

double frames_of(const Piece& piece, const StftParameters& stft) {
  return piece.channels() * static_cast<double>(stft.frames(piece.audio.samples()));
}

void decode(benchmark::State& state, const Piece& piece) {
  for (auto unused : state) {
    Decoder decoder(piece.mp3);
    for (AudioBuffer block; decoder.read(block);) benchmark::DoNotOptimize(block);
  }
  const double samples_bytes = 4 * piece.channels() * piece.samples();
  state_cost(state, {piece.seconds(), 0, static_cast<double>(fs::file_size(piece.mp3)) + samples_bytes});
}

void encode_wav24(benchmark::State& state, const Piece& piece) {
  const fs::path path = fs::path(piece.mp3).replace_extension("wav");
  for (auto unused : state) {
    Encoder encoder(path, {AudioFormat::wav_s24, piece.rate_hz, static_cast<int>(piece.channels())});
    encoder.write(piece.audio);
    encoder.finish();
  }
  fs::remove(path);
  state_cost(state, {piece.seconds(), piece.channels() * piece.samples(),
                     (4 + 3) * piece.channels() * piece.samples()});
}

/// To 48 kHz, as --sample-rate 48000 does with a stem.
void resample(benchmark::State& state, const Piece& piece) {
  constexpr int kToHz = 48000;
  for (auto unused : state) {
    for (const std::vector<float>& channel : piece.audio.channels) {
      Resampler resampler(piece.rate_hz, kToHz,
                          [](std::span<const float> samples) { benchmark::DoNotOptimize(samples.data()); });
      resampler.push(channel);
      resampler.finish();
    }
  }
  const double outputs = piece.channels() * piece.samples() * kToHz / piece.rate_hz;
  constexpr double kTaps = 90;  // of a filter that is flat to 90 % of the band and 110 dB down where it ends
  state_cost(state, {piece.seconds(), kTaps * outputs, 4 * (piece.channels() * piece.samples() + outputs)});
}

void stft(benchmark::State& state, const Piece& piece, const StftParameters& sizes) {
  for (auto unused : state) {
    for (const std::vector<float>& channel : piece.audio.channels) {
      Stft stft(sizes, [](Spectrum frame) { benchmark::DoNotOptimize(frame.data()); });
      stft.push(channel);
      stft.finish();
    }
  }
  const double frames = frames_of(piece, sizes);
  state_cost(state, {piece.seconds(), frames * fft_multiply_adds(sizes), frames * frame_bytes(sizes)});
}

void inverse_stft(benchmark::State& state, const Piece& piece, const StftParameters& sizes) {
  const std::vector<std::complex<float>> frame(sizes.bins(), {0.5F, 0.5F});
  for (auto unused : state) {
    for (const std::vector<float>& channel : piece.audio.channels) {
      InverseStft inverse(sizes, [](Samples samples) { benchmark::DoNotOptimize(samples.data()); });
      for (std::size_t i = 0; i < sizes.frames(channel.size()); ++i) inverse.push(frame);
      inverse.finish(channel.size());
    }
  }
  const double frames = frames_of(piece, sizes);
  state_cost(state, {piece.seconds(), frames * fft_multiply_adds(sizes), frames * frame_bytes(sizes)});
}

/// Answers at once.
class NoNetwork : public MaskEstimator {
 public:
  explicit NoNetwork(const MaskEstimator& like)
      : analysis_(like.analysis()), context_(like.context_frames()), batch_(like.batch_frames()) {}
  [[nodiscard]] AnalysisParameters analysis() const override { return analysis_; }
  [[nodiscard]] std::size_t context_frames() const override { return context_; }
  [[nodiscard]] std::size_t batch_frames() const override { return batch_; }
  void estimate(std::span<const float> /*magnitudes*/, std::span<float> mask) override {
    std::fill(mask.begin(), mask.end(), 0.5F);
  }

 private:
  AnalysisParameters analysis_;
  std::size_t context_;
  std::size_t batch_;
};

/// The whole MaskSeparator but for the network; its cost is that of magnitudes and masks, since the
/// transforms have rows of their own.
void transforms_and_masks(benchmark::State& state, const Piece& piece, const MaskEstimator& like) {
  NoNetwork estimator(like);
  for (auto unused : state) {
    const auto separator = estimator.make_separator(
        {piece.rate_hz, static_cast<int>(piece.channels())}, {},
        [](std::span<const AudioBuffer> stems) { benchmark::DoNotOptimize(stems.data()); });
    separator->push(piece.audio);
    separator->finish();
  }
  const StftParameters sizes = stft_at_rate(like.analysis(), piece.rate_hz);
  const double bins = frames_of(piece, sizes) * static_cast<double>(sizes.bins());
  // Power and root (3), product with the mask (2), the accompaniment's difference (1 a sample). A complex
  // value is read twice and written once, a mask's value read once.
  state_cost(state, {piece.seconds(), 5 * bins + piece.channels() * piece.samples(), (3 * 8 + 4) * bins});
}

struct NetworkCost {
  double multiply_adds_a_frame = 0;
  double weight_bytes = 0;
};

/// Of docs/development/networks.md: layers by the positions at which their weights are used.
double unet_multiply_adds_a_frame(const ModelInfo& info) {
  const auto& channels = info.sizes.at("channels");
  const auto c1 = static_cast<double>(channels.at(0));
  const auto c2 = static_cast<double>(channels.at(1));
  const auto hidden = static_cast<double>(info.sizes.at("hidden_units").front());
  const auto blocks = static_cast<double>(info.sizes.at("dilations").size());
  const auto positions = static_cast<double>((info.analysis.stft.bins() - 1) / 4);
  const double level1 =
      c1 * 9 * (4 * static_cast<double>(info.sizes.at("input_planes").front()) + c2 / 4 + c1);
  const double level2 = c2 * 9 * (4 * c1 + c2 + 2 * c2);  // at a quarter of the positions
  const double middle = 2 * hidden * c2 * positions / 4 + blocks * hidden * (3 + hidden);
  return positions * (level1 + 4 * c1) + positions / 4 * level2 + middle;
}

double harmonic_multiply_adds_a_frame(const ModelInfo& info) {
  const auto& channels = info.sizes.at("harmonic_channels");
  const auto channel = [&](std::size_t level) { return static_cast<double>(channels.at(level)); };
  const auto blocks = static_cast<double>(info.sizes.at("harmonic_dilations").size());
  const auto planes = static_cast<double>(info.sizes.at("input_planes").front());
  const auto bins = static_cast<double>(info.analysis.stft.bins());
  auto positions =
      static_cast<double>(info.sizes.at("positions").front());  // a frame of the song, on average
  double sum = positions * (bins * (planes + 1) + 9 * (6 + planes) * channel(0) + channel(0));
  for (std::size_t level = 0; level < 4; ++level) {
    const double here = channel(level);
    sum += positions * 9 * here * here * (level > 0 ? 2 : 1);  // decode, encode
    positions /= level < 2 ? 4 : 2;
    sum += positions * 10 * here * channel(level + 1);  // down, up
  }
  return sum + positions * blocks * 9 * channel(4) * channel(4);
}

NetworkCost unet_cost(const ModelFile& file) {
  const ModelInfo& info = file.info();
  double sum = 0;
  if (info.sizes.contains("hidden_units")) sum += unet_multiply_adds_a_frame(info);
  if (info.sizes.contains("harmonic_channels")) sum += harmonic_multiply_adds_a_frame(info);
  return {sum, 4 * static_cast<double>(file.parameter_count())};
}

/// A window of the thesis' CNN, shared with its neighbours where they overlap much
/// (src/network/mask/thesis_cnn.cpp).
NetworkCost cnn_cost(const ModelFile& file, double stride) {
  const ModelInfo& info = file.info();
  const auto& channels = info.sizes.at("convolution_channels");
  const auto& units = info.sizes.at("dense_units");
  const auto channel = [&](std::size_t i) { return static_cast<double>(channels.at(i)); };
  const auto unit = [&](std::size_t i) { return static_cast<double>(units.at(i)); };
  const auto bins = static_cast<double>(info.analysis.stft.bins());
  const auto frames = static_cast<double>(info.window_frames);
  const double pooled = std::ceil(bins / 12);
  const double row =
      channel(0) * channel(1) * 12 * bins;  // one frame of the second layer's kernel, on one frame
  const bool shares = 3 * stride + 4 < 3 * frames;
  const double first = channel(0) * 36 * bins * (shares ? stride + 2 : frames);
  const double second = row * (shares ? 3 * stride + 4 : 3 * frames);
  const double upper = 36 * (channel(1) * channel(2) + channel(2) * channel(3)) * frames * pooled;
  const double dense = frames * std::ceil(pooled / 12) * channel(3) * unit(0) + unit(0) * unit(1) +
                       unit(1) * bins * (shares ? stride : frames);
  return {(first + second + upper + dense) / stride, 4 * static_cast<double>(file.parameter_count())};
}

/// All shipped models estimate masks.
std::unique_ptr<MaskEstimator> make_mask_estimator(const ModelFile& file, const EstimatorOptions& options) {
  std::unique_ptr<Estimator> estimator = load_backend().make_estimator(file, options);
  auto& as_mask = dynamic_cast<MaskEstimator&>(*estimator);
  (void)estimator.release();
  return std::unique_ptr<MaskEstimator>(&as_mask);
}

/// One call of the estimator, as the MaskSeparator makes it.
void network(benchmark::State& state, const fs::path& model, const EstimatorOptions& options) {
  const ModelFile file(model);
  const std::unique_ptr<MaskEstimator> estimator = make_mask_estimator(file, options);
  const AnalysisParameters analysis = estimator->analysis();
  const std::size_t frames = 2 * estimator->context_frames() + estimator->batch_frames();
  std::vector<float> magnitudes(frames * estimator->input_planes() * analysis.stft.bins());
  Rng rng({1});
  for (float& value : magnitudes) value = static_cast<float>(rng.uniform(0, 1));
  std::vector<float> mask(estimator->batch_frames() * analysis.stft.bins());
  estimator->estimate(magnitudes, mask);  // the first call prepares more than it computes
  for (auto unused : state) estimator->estimate(magnitudes, mask);
  const NetworkCost cost = file.info().architecture == "thesis-cnn"
                               ? cnn_cost(file, static_cast<double>(options.stride))
                               : unet_cost(file);
  const auto answered = static_cast<double>(estimator->batch_frames());
  state_cost(state, {answered * static_cast<double>(analysis.stft.hop_samples) / analysis.sample_rate_hz,
                     answered * cost.multiply_adds_a_frame,
                     cost.weight_bytes + 4 * static_cast<double>(magnitudes.size() + mask.size())});
}

Piece read_piece(const char* song, const fs::path& folder) {
  Piece piece;
  if (song != nullptr) {
    Decoder decoder(song, 0, {.start_s = 0, .end_s = kPieceS});
    piece.rate_hz = decoder.sample_rate_hz();
    piece.audio = read_all(decoder);
  } else {
    piece.audio = AudioBuffer(2, static_cast<std::size_t>(kPieceS * kNoiseRateHz));
    Rng rng({1});
    for (auto& channel : piece.audio.channels) {
      for (float& value : channel) value = static_cast<float>(rng.uniform(-0.5, 0.5));
    }
  }
  piece.mp3 = folder / "piece.mp3";
  Encoder encoder(piece.mp3, {AudioFormat::mp3, piece.rate_hz, static_cast<int>(piece.channels()), 192});
  encoder.write(piece.audio);
  encoder.finish();
  return piece;
}

void run(const char* song) {
  const fs::path folder = fs::temp_directory_path() / ("svsep-benchmark-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  {
    const Piece piece = read_piece(song, folder);
    const fs::path models = SVSEP_MODELS_DIR;
    const ModelFile unet(models / "unet.safetensors");
    const auto like = make_mask_estimator(unet, {.device = "cpu", .threads = 1});
    const StftParameters sizes = stft_at_rate(unet.info().analysis, piece.rate_hz);
    const auto add = [](const std::string& name, auto function) {
      benchmark::RegisterBenchmark(name.c_str(), function)
          ->Unit(benchmark::kMillisecond)
          ->MeasureProcessCPUTime()
          ->UseRealTime();
    };
    add("decode mp3", [&](benchmark::State& state) { decode(state, piece); });
    add("resample to 48 kHz", [&](benchmark::State& state) { resample(state, piece); });
    add("STFT", [&](benchmark::State& state) { stft(state, piece, sizes); });
    add("transforms and masks", [&](benchmark::State& state) { transforms_and_masks(state, piece, *like); });
    add("inverse STFT", [&](benchmark::State& state) { inverse_stft(state, piece, sizes); });
    add("encode wav24", [&](benchmark::State& state) { encode_wav24(state, piece); });
    std::vector<int> thread_counts = {1};
    if (const auto all = static_cast<int>(std::thread::hardware_concurrency()); all > 1)
      thread_counts.push_back(all);
    for (const int threads : thread_counts) {
      const auto add_network = [&](const std::string& name, EstimatorOptions options) {
        for (const bool float32 : {false, true}) {
          options.device = "cpu";
          options.threads = threads;
          options.float32 = float32;
          const std::string row = name + (float32 ? " float32" : "") + "/threads:" + std::to_string(threads);
          const fs::path model = models / (name.substr(0, name.find(' ')) + ".safetensors");
          add(row, [=](benchmark::State& state) { network(state, model, options); });
        }
      };
      add_network("unet", {});
      for (const std::size_t stride : {std::size_t{1}, EstimatorOptions{}.stride}) {
        add_network("cnn stride " + std::to_string(stride), {.stride = stride});
      }
    }
    benchmark::RunSpecifiedBenchmarks();
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace svsep

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  try {
    svsep::run(argc > 1 ? argv[1] : nullptr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "benchmark_stages: %s\n", error.what());
    return 1;
  }
}
