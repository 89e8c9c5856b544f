#include "model/networks.hpp"

#include "model/thesis_cnn.hpp"
#include "model/unet_tcn.hpp"
#include "svsep/core/error.hpp"

#include <string>

namespace svsep {
namespace {

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
  constexpr std::int64_t kKeptFrames = 512;  // the context on either side costs the less, the more are kept
  const UnetTcnSizes sizes = unet_tcn_sizes(file);
  return {
      UnetTcn(sizes).ptr(), sizes.input_planes, kKeptFrames + 2 * sizes.context_frames(), kKeptFrames, 1, 16};
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

}  // namespace svsep
