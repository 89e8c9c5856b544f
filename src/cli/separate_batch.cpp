#include "cli/separate_batch.hpp"

#include "cli/options.hpp"
#include "cli/song_json.hpp"
#include "core/log.hpp"
#include "core/progress.hpp"
#include "core/text.hpp"
#include "page/page.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace svsep::cli {
namespace {

class SongBatch {
 public:
  SongBatch(const std::vector<Job>& jobs, const std::vector<UnreadableFolder>& unreadable,
            const ModelFile& model, const BatchSettings& settings)
      : jobs_(jobs), unreadable_(unreadable), model_(model), settings_(settings) {
    if (jobs.size() > 1) progress_.emplace("all songs", static_cast<double>(jobs.size()));
  }

  void run() {
    const std::size_t workers = std::clamp<std::size_t>(jobs_.size(), 1, settings_.parallel_jobs);
    const unsigned processors = std::max(1U, std::thread::hardware_concurrency());
    const int threads =
        settings_.estimator.threads > 0 ? settings_.estimator.threads : static_cast<int>(processors);
    estimator_options_ = settings_.estimator;
    if (workers > 1) estimator_options_.threads = std::max(1, threads / static_cast<int>(workers));
    announce_threads(estimator_options_.threads);
    for (const UnreadableFolder& folder : unreadable_) report(folder);
    {
      std::vector<std::jthread> others;
      for (std::size_t i = 1; i < workers; ++i) others.emplace_back([this] { work(); });
      work();
    }
    progress_.reset();
    if (stop_) std::rethrow_exception(stop_);
    if (jobs_.size() > 1 && !settings_.overview.empty()) write_overview();
    if (jobs_.size() > 1 || !unreadable_.empty()) summarise();
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
      report(job, {Status::skipped, {}, {}});
      return;
    }
    bool concerns_all_songs = false;
    try {
      const SongSettings& song = settings_.song;
      Decoder decoder(job.song.path, {song.stream, song.language, song.range});
      if (settings_.existing == Existing::refuse) check_free(job);
      if (!estimator) {
        concerns_all_songs = true;
        estimator = make_estimator();
        concerns_all_songs = false;
      }
      report(job, {Status::done, separate_song(job, decoder, *estimator, settings_for(job)), {}});
    } catch (const Cancelled&) {
      throw;
    } catch (const std::exception& error) {
      const bool alone = jobs_.size() + unreadable_.size() == 1;
      if (alone || !concerns_all_songs) report(job, {Status::failed, {}, error.what()});
      if (alone || concerns_all_songs) throw;
    }
  }

  /// The song's settings, with lines of JSON where they are asked for.
  SongSettings settings_for(const Job& job) const {
    SongSettings settings = settings_.song;
    if (!settings_.json_progress) return settings;
    print_above_progress(stdout, start_line(job));
    settings.on_progress = [&job, percent = 0](double fraction) mutable {
      const int now = static_cast<int>(100 * fraction);
      if (now > percent) print_above_progress(stdout, progress_line(job, fraction));
      percent = std::max(percent, now);
    };
    return settings;
  }

  std::unique_ptr<Estimator> make_estimator() {
    const std::scoped_lock lock(estimator_mutex_);  // LibTorch's settings are the process's
    if (device_.empty()) device_ = load_backend().choose_device(settings_.estimator.device);
    estimator_options_.device = device_;
    return load_backend().make_estimator(model_, estimator_options_);
  }

  void report(const UnreadableFolder& folder) {
    const std::string error = "cannot read: " + folder.path.string() + ": " + folder.reason;
    errors_.push_back(error);
    logger().error("{}", error);
    if (settings_.json) print_above_progress(stdout, failure_line(folder.path, error));
  }

  void report(const Job& job, const SongResult& result) {
    const std::scoped_lock lock(mutex_);  // a song's lines stay together
    const std::size_t count = ++reported_;
    const std::string place = jobs_.size() > 1 ? fmt::format("[{}/{}] ", count, jobs_.size()) : "";
    const std::string song = job.song.path.string();
    if (result.status == Status::done) {
      ++done_;
      const SongReport& said = result.report;
      durations_s_[&job] = said.song_s;
      logger().info("{}{}: {} of audio in {} ({:.1f}x real time)", place, song, format_duration(said.song_s),
                    format_duration(said.wall_s), said.song_s / said.wall_s);
      for (const Output& output : job.outputs) {
        if (output.path != kStdout) logger().info("  {}", output.path.string());
      }
    } else if (result.status == Status::skipped) {
      ++skipped_;
      logger().info("{}{}: skipped, its outputs exist", place, song);
    } else {
      errors_.push_back(result.error);
      if (jobs_.size() + unreadable_.size() > 1) logger().error("{}", result.error);
    }
    if (settings_.json) print_above_progress(stdout, result_line(job, result, device_, settings_.model_name));
    if (progress_) {
      progress_->update(static_cast<double>(count), fmt::format("{} of {} songs", count, jobs_.size()));
    }
  }

  /// Links the pages of the songs that were separated now, in the batch's order.
  void write_overview() const {
    if (settings_.existing == Existing::refuse && std::filesystem::exists(settings_.overview)) {
      logger().warn("kept: {}: exists already; --overwrite replaces it", settings_.overview.string());
      return;
    }
    std::vector<PageLink> links;
    for (const Job& job : jobs_) {
      const auto duration = durations_s_.find(&job);
      if (duration == durations_s_.end()) continue;
      const std::filesystem::path& page = job.outputs.back().path;
      links.push_back(
          {job.song.name, page.lexically_relative(settings_.overview.parent_path()), duration->second});
    }
    if (!links.empty()) write_overview_page(settings_.overview, "Songs", links);
  }

  void summarise() const {
    logger().info("{} songs: {} done, {} skipped, {} failed", jobs_.size(), done_, skipped_,
                  errors_.size() - unreadable_.size());
    if (!unreadable_.empty()) logger().info("{} folders could not be read", unreadable_.size());
    if (errors_.empty()) return;
    for (const std::string& error : errors_) logger().info("  failed: {}", error);
    throw Error(ErrorKind::partial, unreadable_.empty()
                                        ? fmt::format("{} of {} songs failed", errors_.size(), jobs_.size())
                                        : fmt::format("{} of {} songs and folders failed", errors_.size(),
                                                      jobs_.size() + unreadable_.size()));
  }

  const std::vector<Job>& jobs_;
  const std::vector<UnreadableFolder>& unreadable_;
  const ModelFile& model_;
  const BatchSettings& settings_;
  EstimatorOptions estimator_options_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex estimator_mutex_;  ///< of device_, before the first estimator is made
  std::string device_;
  std::mutex mutex_;  ///< of all below
  std::exception_ptr stop_;
  std::size_t reported_ = 0;
  std::size_t done_ = 0;
  std::size_t skipped_ = 0;
  std::vector<std::string> errors_;
  std::map<const Job*, double> durations_s_;  ///< of the songs that are done
  std::optional<Progress> progress_;
};

}  // namespace

void separate_all(const std::vector<Job>& jobs, const std::vector<UnreadableFolder>& unreadable,
                  const ModelFile& model, const BatchSettings& settings) {
  SongBatch(jobs, unreadable, model, settings).run();
}

}  // namespace svsep::cli
