#include "cli/model_text.hpp"

#include "core/text.hpp"
#include "model/find.hpp"
#include "svsep/error.hpp"
#include "svsep/model_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace svsep::cli {
namespace {

void print_mask_parameters(const ModelInfo& info) {
  const StftParameters& stft = info.analysis.stft;
  print_line("sample rate", fmt::format("{} Hz", info.analysis.sample_rate_hz));
  print_line("STFT", fmt::format("n_fft {}, window {}, hop {} samples", stft.fft_samples, stft.window_samples,
                                 stft.hop_samples));
  if (info.window_frames > 1) print_line("window", fmt::format("{} frames", info.window_frames));
  print_line("input",
             info.input_transform == InputTransform::magnitude
                 ? "magnitude"
                 : fmt::format("log-level, over {} frames on either side", info.level_radius_frames));
  print_line("label", info.label);
  print_line("thresholds", fmt::format("vocals {:g}, accompaniment {:g}", info.thresholds.vocals,
                                       info.thresholds.accompaniment));
}

void print_chunk_parameters(const ChunkParameters& chunks) {
  print_line("sample rate", fmt::format("{} Hz", chunks.sample_rate_hz));
  print_line("channels", fmt::to_string(chunks.channels));
  print_line("stems", fmt::format("{}", fmt::join(chunks.stems, ", ")));
  print_line("chunk",
             fmt::format("{:.2f} s, overlap {:g}",
                         static_cast<double>(chunks.chunk_samples) / chunks.sample_rate_hz, chunks.overlap));
  if (!chunks.weights.empty()) print_line("networks", fmt::format("{}", chunks.weights.size()));
}

void print_summary(const std::filesystem::path& path) {
  const std::string name = path.stem().string();
  std::string text;
  try {
    const ModelFile model(path);
    text = fmt::format("{}, {} parameters, {:.1f} MB; {}", model.info().architecture, model.parameter_count(),
                       static_cast<double>(std::filesystem::file_size(path)) / 1e6, model.info().training);
  } catch (const Error& error) {
    text = error.what();
  }
  print_line(name + (name == kDefaultModel ? " (default)" : ""), text);
}

}  // namespace

void print_line(const std::string& name, const std::string& value) {
  if (!value.empty()) fmt::print("{:<16}{}\n", one_line(name) + ":", one_line(value));
}

void print_model(const std::filesystem::path& path) {
  const ModelFile model(path);
  const ModelInfo& info = model.info();
  print_line("model", path.string());
  print_line("architecture", info.architecture);
  print_line("parameters", fmt::format("{} ({})", model.parameter_count(), model.tensor_types()));
  if (info.chunks) {
    print_chunk_parameters(*info.chunks);
  } else {
    print_mask_parameters(info);
  }
  print_line("training", info.training);
  print_line("data", info.data);
  print_line("licence", info.licence);
}

void print_models() {
  for (const std::filesystem::path& path : shipped_models()) print_summary(path);
  for (const std::filesystem::path& path : user_models()) print_summary(path);
}

}  // namespace svsep::cli
