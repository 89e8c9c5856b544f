#include "model/networks.hpp"

#include "svsep/core/error.hpp"

#include <string>

namespace svsep {
namespace {

constexpr std::int64_t kUnetKeptFrames = 512;  // the context on either side costs the less, the more are kept

// A CPU is fastest while a layer's activations stay near its caches; a GPU wants many windows at once.
WindowedNetwork load_thesis_cnn(const ModelFile& file, std::int64_t stride) {
  const ThesisCnnSizes sizes = thesis_cnn_sizes(file);
  if (stride < 1 || stride > sizes.window_frames) {
    throw Error(ErrorKind::usage, "stride; expected 1 to " + std::to_string(sizes.window_frames) + ", got " +
                                      std::to_string(stride));
  }
  const std::int64_t windows_per_batch_cpu = stride <= 7 ? 16 : 8;  // windows that share frames hold fewer
  return {ThesisCnn(sizes).ptr(), 1, sizes.window_frames, stride, windows_per_batch_cpu, 128};
}

WindowedNetwork load_unet_tcn(const ModelFile& file) {
  const UnetTcnSizes sizes = unet_tcn_sizes(file);
  return {UnetTcn(sizes).ptr(),
          sizes.input_planes,
          kUnetKeptFrames + 2 * sizes.context_frames(),
          kUnetKeptFrames,
          1,
          16};
}

WindowedNetwork make_network(const ModelFile& file, std::int64_t stride) {
  const std::string& name = file.info().architecture;
  if (name == "thesis-cnn") return load_thesis_cnn(file, stride);
  if (name == "unet-tcn") return load_unet_tcn(file);
  throw Error(ErrorKind::model, "cannot use model: " + file.path().string() +
                                    ": architecture; expected thesis-cnn or unet-tcn, got " + name);
}

}  // namespace

WindowedNetwork load_network(const ModelFile& file, std::int64_t stride) {
  WindowedNetwork result = make_network(file, stride);
  load_parameters(*result.network, file);
  return result;
}

TrainableNetwork trainable(const ThesisCnnSizes& sizes) {
  constexpr std::int64_t kKeptFrames = 5;  // as separation does unless it is told otherwise
  TrainableNetwork result{{}, [sizes] { return ThesisCnn(sizes).ptr(); }, sizes.window_frames, kKeptFrames};
  state_sizes(sizes, result.info);
  return result;
}

TrainableNetwork trainable(const UnetTcnSizes& sizes) {
  TrainableNetwork result{{},
                          [sizes] { return UnetTcn(sizes, true).ptr(); },
                          kUnetKeptFrames + 2 * sizes.context_frames(),
                          kUnetKeptFrames};
  state_sizes(sizes, result.info);
  return result;
}

}  // namespace svsep
