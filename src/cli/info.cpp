#include "cli/model_text.hpp"
#include "cli/verbs.hpp"
#include "core/text.hpp"
#include "model/find.hpp"
#include "svsep/decoder.hpp"
#include "svsep/probe.hpp"
#include "svsep/stem_file.hpp"

#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <string>

namespace svsep::cli {
namespace {

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
  CLI::App& verb = *app.add_subcommand("info", "Tell what a song, a stem file or a model file holds");
  verb.add_option("FILE", *file, "A media file, a .safetensors file, or the name of a model")->required();
  verb.callback([file, &action] {
    action = [file] {
      const bool is_name = file->find_first_of("./") == std::string::npos && !std::filesystem::exists(*file);
      if (is_name || file->ends_with(".safetensors")) {
        print_model(find_model(*file));
      } else {
        print_media(*file);
      }
      return 0;
    };
  });
}

}  // namespace svsep::cli
