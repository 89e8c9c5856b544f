#include "network/mask/networks.hpp"

#include "svsep/error.hpp"

#include <string>
#include <utility>

namespace svsep {
namespace {

constexpr std::int64_t kUnetKeptFrames = 512;

// A CPU is fastest while a layer's activations stay near its caches; a GPU wants many windows at once.
WindowedNetwork load_thesis_cnn(const ModelFile& file, std::int64_t stride, std::int64_t overlap) {
  const ThesisCnnSizes sizes = thesis_cnn_sizes(file);
  const std::int64_t frames = sizes.window_frames;
  if (stride < 1 || stride > frames) {
    throw Error(ErrorKind::usage,
                "stride; expected 1 to " + std::to_string(frames) + ", got " + std::to_string(stride));
  }
  if (overlap < 1 || frames % overlap != 0) {
    throw Error(ErrorKind::usage, "overlap; expected a divisor of " + std::to_string(frames) + ", got " +
                                      std::to_string(overlap));
  }
  const Windows windows =
      overlap == 1 ? Windows{frames, stride, stride} : Windows{frames, frames / overlap, frames};
  const std::int64_t at_once_cpu = windows.hop <= 7 ? 16 : 8;  // windows that share frames hold fewer
  return {ThesisCnn(sizes).ptr(), 1, windows, at_once_cpu, 128};
}

/// Windows so long that the context on either side costs little.
Windows windows_of(const HarmonicUnetSizes& sizes) {
  const std::int64_t context = sizes.context_frames();
  return {kUnetKeptFrames + 2 * context, kUnetKeptFrames, kUnetKeptFrames};
}

WindowedNetwork load_harmonic_unet(const ModelFile& file) {
  const HarmonicUnetSizes sizes = harmonic_unet_sizes(file);
  return {HarmonicUnet(sizes).ptr(), sizes.input_planes, windows_of(sizes), 1, 16};
}

WindowedNetwork make_network(const ModelFile& file, std::int64_t stride, std::int64_t overlap) {
  const std::string& name = file.info().architecture;
  if (name == kThesisCnn) return load_thesis_cnn(file, stride, overlap);
  if (name == kHarmonicUnet) return load_harmonic_unet(file);
  throw Error(ErrorKind::model, "cannot use model: " + file.path().string() +
                                    ": architecture; expected thesis-cnn or harmonic-unet, got " + name);
}

}  // namespace

WindowedNetwork load_network(const ModelFile& file, std::int64_t stride, std::int64_t overlap) {
  WindowedNetwork result = make_network(file, stride, overlap);
  load_parameters(*result.network, file);
  return result;
}

TrainableNetwork trainable(const ThesisCnnSizes& sizes) {
  constexpr std::int64_t kKeptFrames = 5;
  const Windows windows{sizes.window_frames, kKeptFrames, kKeptFrames};
  TrainableNetwork result{{}, [sizes] { return ThesisCnn(sizes).ptr(); }, windows};
  state_sizes(sizes, result.info);
  return result;
}

TrainableNetwork trainable(const HarmonicUnetSizes& sizes) {
  TrainableNetwork result{{}, [sizes] { return HarmonicUnet(sizes, true).ptr(); }, windows_of(sizes)};
  state_sizes(sizes, result.info);
  return result;
}

TrainableNetwork trainable(const std::string& name) {
  if (name == kHarmonicUnet) return trainable(HarmonicUnetSizes{});
  return trainable(ThesisCnnSizes{});
}

}  // namespace svsep
