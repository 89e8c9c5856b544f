#include "cli/song_json.hpp"

#include "cli/json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace svsep::cli {
namespace {

using Json = nlohmann::ordered_json;

Json head(const std::filesystem::path& input, const char* status) {
  Json json;
  put_path(json, "input", input.string());
  json["status"] = status;
  return json;
}

void put_report(Json& json, const SongReport& report) {
  json["seconds"] = report.song_s;
  json["sample_rate_hz"] = report.sample_rate_hz;
  json["channels"] = report.channels;
  json["wall_seconds"] = report.wall_s;
  json["real_time_factor"] = report.wall_s / report.song_s;
  json["peak"] = report.peak;
  json["clipped_samples"] = report.clipped_samples;
  json["gain"] = report.gain;
  json["damaged_packets"] = report.damaged_packets;
  json["unusable_samples"] = report.unusable_samples;
  json["lead_seconds"] = report.lead_s;
  json["filled_seconds"] = report.filled_s;
  json["cut_off"] = report.is_cut_off;
  if (report.declared_s > 0) json["declared_seconds"] = report.declared_s;
  json["stream"] = report.stream;
  json["streams"] = report.streams;
  json["warnings"] = report.warnings;
}

}  // namespace

std::string result_line(const Job& job, const SongResult& result, const std::string& device,
                        const std::string& model) {
  const Status status = result.status;
  Json json = head(job.song.path, status == Status::done      ? "ok"
                                  : status == Status::skipped ? "skipped"
                                                              : "failed");
  if (status == Status::failed) {
    json["error"] = result.error;
    return line_of(json);
  }
  for (const Output& output : job.outputs) put_path(json["outputs"], output.stem, output.path.string());
  if (status == Status::done) {
    put_report(json, result.report);
    json["device"] = device;
    json["model"] = model;
  }
  return line_of(json);
}

std::string failure_line(const std::filesystem::path& path, const std::string& error) {
  Json json = head(path, "failed");
  json["error"] = error;
  return line_of(json);
}

std::string start_line(const Job& job) { return line_of(head(job.song.path, "started")); }

std::string progress_line(const Job& job, double fraction) {
  Json json = head(job.song.path, "running");
  json["done"] = std::round(fraction * 1000) / 1000;
  return line_of(json);
}

}  // namespace svsep::cli
