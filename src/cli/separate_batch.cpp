#include "cli/separate_batch.hpp"

#include "core/progress.hpp"
#include "core/text.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>
#include <thread>

namespace svsep::cli {
namespace {

enum class Status { done, skipped, failed };

std::string json_line(const Job& job, Status status, const SongReport& report, const std::string& error,
                      const std::string& device, const std::string& model_name) {
  nlohmann::ordered_json json;
  json["input"] = job.song.path.string();
  json["status"] = status == Status::done ? "ok" : status == Status::skipped ? "skipped" : "failed";
  if (status == Status::failed) {
    json["error"] = error;
  } else {
    for (const Output& output : job.outputs) json["outputs"][output.stem] = output.path.string();
  }
  if (status == Status::done) {
    json["seconds"] = report.song_s;
    json["sample_rate_hz"] = report.sample_rate_hz;
    json["channels"] = report.channels;
    json["wall_seconds"] = report.wall_s;
    json["real_time_factor"] = report.wall_s / report.song_s;
    json["peak"] = report.peak;
    json["clipped_samples"] = report.clipped_samples;
    json["gain"] = report.gain;
    json["device"] = device;
    json["model"] = model_name;
  }
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

class Batch {
 public:
  Batch(const std::vector<Job>& jobs, const ModelFile& model, const BatchSettings& settings)
      : jobs_(jobs), model_(model), settings_(settings) {
    if (jobs.size() > 1) progress_.emplace("all songs", static_cast<double>(jobs.size()));
  }

  void run() {
    const std::size_t workers = std::clamp<std::size_t>(jobs_.size(), 1, settings_.parallel_jobs);
    const unsigned processors = std::max(1U, std::thread::hardware_concurrency());
    const int threads =
        settings_.estimator.threads > 0 ? settings_.estimator.threads : static_cast<int>(processors);
    estimator_options_ = settings_.estimator;
    if (workers > 1) estimator_options_.threads = std::max(1, threads / static_cast<int>(workers));
    {
      std::vector<std::jthread> others;
      for (std::size_t i = 1; i < workers; ++i) others.emplace_back([this] { work(); });
      work();
    }
    progress_.reset();
    if (stop_) std::rethrow_exception(stop_);
    if (jobs_.size() > 1) summarise();
  }

 private:
  /// Takes one song after the other. What stops it stops all.
  void work() noexcept {
    try {
      std::unique_ptr<Estimator> estimator;  // made for the first song that opens: bad ones fail at once
      for (std::size_t i = 0; (i = next_++) < jobs_.size();) separate(jobs_[i], estimator);
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      if (!stop_) stop_ = std::current_exception();
      next_ = jobs_.size();
    }
  }

  void separate(const Job& job, std::unique_ptr<Estimator>& estimator) {
    throw_if_cancelled();
    if (settings_.existing == Existing::skip && is_done(job)) {
      report(job, Status::skipped);
      return;
    }
    bool useless = false;  // could no song do?
    try {
      Decoder decoder(job.song.path, 0, settings_.song.range);
      if (settings_.existing == Existing::refuse) check_free(job);
      if (!estimator) {
        useless = true;
        estimator = make_estimator();
        useless = false;
      }
      report(job, Status::done, separate_song(job, decoder, *estimator, settings_.song));
    } catch (const Cancelled&) {
      throw;
    } catch (const std::exception& error) {
      const bool alone = jobs_.size() == 1;
      if (alone || !useless) report(job, Status::failed, {}, error.what());
      if (alone || useless) throw;
    }
  }

  std::unique_ptr<Estimator> make_estimator() {
    const std::scoped_lock lock(estimator_mutex_);  // LibTorch's settings are the process's
    if (device_.empty()) device_ = load_backend().choose_device(settings_.estimator.device);
    estimator_options_.device = device_;
    return load_backend().make_estimator(model_, estimator_options_);
  }

  void report(const Job& job, Status status, const SongReport& result = {}, const std::string& error = {}) {
    const std::scoped_lock lock(mutex_);  // a song's lines stay together
    const std::size_t count = done_ + skipped_ + errors_.size() + 1;
    const std::string place = jobs_.size() > 1 ? fmt::format("[{}/{}] ", count, jobs_.size()) : "";
    const std::string song = job.song.path.string();
    if (status == Status::done) {
      ++done_;
      spdlog::info("{}{}: {} of audio in {} ({:.1f}x real time)", place, song, format_duration(result.song_s),
                   format_duration(result.wall_s), result.song_s / result.wall_s);
      for (const Output& output : job.outputs) {
        if (output.path != kStdout) spdlog::info("  {}", output.path.string());
      }
    } else if (status == Status::skipped) {
      ++skipped_;
      spdlog::info("{}{}: skipped, its outputs exist", place, song);
    } else {
      errors_.push_back(error);
      if (jobs_.size() > 1) spdlog::error("{}", error);
    }
    if (settings_.json)
      print_above_progress(stdout, json_line(job, status, result, error, device_, settings_.model_name));
    if (progress_) {
      progress_->update(static_cast<double>(count), fmt::format("{} of {} songs", count, jobs_.size()));
    }
  }

  void summarise() const {
    spdlog::info("{} songs: {} done, {} skipped, {} failed", jobs_.size(), done_, skipped_, errors_.size());
    if (errors_.empty()) return;
    for (const std::string& error : errors_) spdlog::info("  failed: {}", error);
    throw Error(ErrorKind::partial, fmt::format("{} of {} songs failed", errors_.size(), jobs_.size()));
  }

  const std::vector<Job>& jobs_;
  const ModelFile& model_;
  const BatchSettings& settings_;
  EstimatorOptions estimator_options_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex estimator_mutex_;  ///< of device_, before the first estimator is made
  std::string device_;
  std::mutex mutex_;  ///< of all below
  std::exception_ptr stop_;
  std::size_t done_ = 0;
  std::size_t skipped_ = 0;
  std::vector<std::string> errors_;
  std::optional<Progress> progress_;
};

}  // namespace

void separate_all(const std::vector<Job>& jobs, const ModelFile& model, const BatchSettings& settings) {
  Batch(jobs, model, settings).run();
}

}  // namespace svsep::cli
