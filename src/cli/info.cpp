#include "cli/json.hpp"
#include "cli/model_text.hpp"
#include "cli/verbs.hpp"
#include "core/text.hpp"
#include "model/find.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/decoder.hpp"
#include "svsep/model_file.hpp"
#include "svsep/probe.hpp"
#include "svsep/stem_file.hpp"

#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace svsep::cli {
namespace {

using Json = nlohmann::ordered_json;

/// What only a song read to its end tells, of the stream that separate takes. The streams of standard input
/// pass but once, so nothing there.
DecodingReport read_through(const std::filesystem::path& path) {
  if (path == "-") return {};
  Decoder decoder(path);
  for (AudioBuffer block; decoder.read(block);) throw_if_cancelled();
  return decoder.report();
}

Json media_json(const std::filesystem::path& path) {
  const MediaInfo info = probe(path);
  Json json;
  put_path(json, "file", path.string());
  json["container"] = info.container;
  json["audio_streams"] = Json::array();
  for (const AudioStreamInfo& stream : info.audio_streams) {
    Json entry = {
        {"codec", stream.codec}, {"sample_rate_hz", stream.sample_rate_hz}, {"channels", stream.channels}};
    if (stream.duration_s) entry["seconds"] = *stream.duration_s;
    if (!stream.title.empty()) entry["title"] = stream.title;
    if (!stream.speakers.empty()) entry["speakers"] = stream.speakers;
    if (!stream.language.empty()) entry["language"] = stream.language;
    entry["default"] = stream.is_default;
    json["audio_streams"].push_back(std::move(entry));
  }
  const DecodingReport report = read_through(path);
  json["stream"] = report.stream;
  json["cut_off"] = report.is_cut_off;
  if (report.length_s) json["seconds"] = *report.length_s;
  if (report.declared_s) json["declared_seconds"] = *report.declared_s;
  json["damaged_packets"] = report.damaged_packets;
  json["warnings"] = report.warnings;
  json["tags"] = Json::object();
  for (const auto& [name, value] : info.tags) json["tags"][name] = value;
  return json;
}

Json model_json(const std::filesystem::path& path) {
  const ModelFile model(path);
  const ModelInfo& info = model.info();
  Json json;
  put_path(json, "model", path.string());
  json["architecture"] = info.architecture;
  json["parameters"] = model.parameter_count();
  json["tensors"] = model.tensor_types();
  json["stems"] = info.chunks ? info.chunks->stems : std::vector<std::string>{"vocals", "accompaniment"};
  json["sample_rate_hz"] = info.chunks ? info.chunks->sample_rate_hz : info.analysis.sample_rate_hz;
  json["training"] = info.training;
  json["data"] = info.data;
  json["licence"] = info.licence;
  return json;
}

void print_media(const std::filesystem::path& path) {
  const MediaInfo info = probe(path);
  print_line("file", path.string());
  print_line("container", info.container);
  for (std::size_t index = 0; index < info.audio_streams.size(); ++index) {
    const AudioStreamInfo& stream = info.audio_streams[index];
    std::string text = fmt::format("{}, {} Hz, {} {}", stream.codec, stream.sample_rate_hz, stream.channels,
                                   stream.channels == 1 ? "channel" : "channels");
    if (stream.channels > 2 && !stream.speakers.empty()) text += " (" + stream.speakers + ")";
    if (stream.duration_s) text += ", " + format_duration(*stream.duration_s);
    if (!stream.language.empty()) text += ", " + stream.language;
    if (stream.is_default && info.audio_streams.size() > 1) text += ", default";
    if (!stream.title.empty()) {
      text += ", " + stream.title;
    } else if (is_stem_file(path) && info.audio_streams.size() == kStemNames.size()) {
      text += fmt::format(", {}", kStemNames[index]);
    }
    print_line(fmt::format("stream {}", index), text);
  }
  for (const auto& [name, value] : info.tags) print_line(name, value);
  for (const std::string& warning : read_through(path).warnings) print_line("warning", warning);
}

}  // namespace

void add_info(CLI::App& app, Action& action) {
  struct Options {
    std::string file;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App& verb = *app.add_subcommand("info", "Tell what a song, a stem file or a model file holds");
  verb.add_option("FILE", options->file, "A media file, a .safetensors file, or the name of a model")
      ->required();
  verb.add_flag("--json", options->json, "Print a JSON object");
  verb.callback([options, &action] {
    action = [options] {
      const std::string& file = options->file;
      const bool is_name = file.find_first_of("./") == std::string::npos && !std::filesystem::exists(file);
      const bool is_model = is_name || file.ends_with(".safetensors");
      if (options->json) {
        fmt::print("{}", line_of(is_model ? model_json(find_model_file(file)) : media_json(file)));
      } else if (is_model) {
        print_model(find_model_file(file));
      } else {
        print_media(file);
      }
      return 0;
    };
  });
}

}  // namespace svsep::cli
