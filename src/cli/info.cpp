#include "cli/verbs.hpp"
#include "core/text.hpp"
#include "model/find.hpp"
#include "svsep/decoder.hpp"
#include "svsep/model_file.hpp"
#include "svsep/probe.hpp"
#include "svsep/stem_file.hpp"

#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <string>

namespace svsep::cli {
namespace {

void print_line(const std::string& name, const std::string& value) {
  if (!value.empty()) fmt::print("{:<16}{}\n", one_line(name) + ":", one_line(value));
}

void print_model(const std::filesystem::path& path) {
  const ModelFile model(path);
  const ModelInfo& info = model.info();
  const StftParameters& stft = info.analysis.stft;
  print_line("model", path.string());
  print_line("architecture", info.architecture);
  print_line("parameters", fmt::format("{} ({})", model.parameter_count(), model.tensor_types()));
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
  print_line("training", info.training);
  print_line("data", info.data);
  print_line("licence", info.licence);
}

void print_shipped_models() {
  for (const std::filesystem::path& path : shipped_models()) {
    const ModelFile model(path);
    const std::string name = path.stem().string();
    print_line(
        name + (name == kDefaultModel ? " (default)" : ""),
        fmt::format("{}, {} parameters, {:.1f} MB; {}", model.info().architecture, model.parameter_count(),
                    static_cast<double>(std::filesystem::file_size(path)) / 1e6, model.info().training));
  }
}

void print_media(const std::filesystem::path& path) {
  const MediaInfo info = probe(path);
  print_line("file", path.string());
  print_line("container", info.container);
  for (std::size_t index = 0; index < info.audio_streams.size(); ++index) {
    const AudioStreamInfo& stream = info.audio_streams[index];
    std::string text = fmt::format("{}, {} Hz, {} {}", stream.codec, stream.sample_rate_hz, stream.channels,
                                   stream.channels == 1 ? "channel" : "channels");
    if (stream.duration_s) text += ", " + format_duration(*stream.duration_s);
    if (is_stem_file(path) && info.audio_streams.size() == kStemNames.size()) {
      text += fmt::format(", {}", kStemNames[index]);
    } else if (!stream.title.empty()) {
      text += ", " + stream.title;
    }
    print_line(fmt::format("stream {}", index), text);
  }
  for (const auto& [name, value] : info.tags) print_line(name, value);
}

}  // namespace

void add_info(CLI::App& app, Action& action) {
  const auto file = std::make_shared<std::string>();
  const auto lists_models = std::make_shared<bool>(false);
  CLI::App& verb = *app.add_subcommand("info", "Tell what a song, a stem file or a model file holds");
  CLI::Option* const argument =
      verb.add_option("FILE", *file, "A media file, a .safetensors file, or the name of a shipped model");
  verb.add_flag("--models", *lists_models, "List the shipped models")->excludes(argument);
  verb.callback([file, lists_models, &action] {
    if (file->empty() && !*lists_models) throw CLI::RequiredError("FILE");
    action = [file, lists_models] {
      if (*lists_models) {
        print_shipped_models();
        return 0;
      }
      const bool is_shipped_name =
          file->find_first_of("./") == std::string::npos && !std::filesystem::exists(*file);
      if (is_shipped_name || file->ends_with(".safetensors")) {
        print_model(find_model(*file));
      } else {
        print_media(*file);
      }
      return 0;
    };
  });
}

}  // namespace svsep::cli
