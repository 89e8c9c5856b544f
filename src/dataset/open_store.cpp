#include "dataset/open_store.hpp"

#include "core/log.hpp"
#include "core/progress.hpp"
#include "core/share_work.hpp"
#include "dataset/audio_cache.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLeastSeconds = 1;  // about a network's window
constexpr double kSecondsPerHour = 3600.0;

/// An item on its way into the store.
struct Candidate {
  const Item* item = nullptr;
  CacheKey key;
  std::optional<CachedAudio> audio = {};
  Claim claim = {};  ///< where audio is missing
  bool usable = true;
};

int thread_count(int workers) {
  return workers > 0 ? workers : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

/// Does `work` on all candidates that are usable, many at a time; Error(input) makes one of them unusable.
template <typename Work>
void for_each_usable(std::vector<Candidate*> candidates, int workers, const Work& work) {
  share_work(candidates.size(), workers, [&](const NextItem& next) {
    while (const auto index = next()) {
      Candidate& candidate = *candidates[*index];
      try {
        work(candidate);
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
        logger().warn("left out: {}", error.what());
        candidate.usable = false;
      }
    }
  });
}

template <typename Predicate>
std::vector<Candidate*> select(std::vector<Candidate>& candidates, const Predicate& predicate) {
  std::vector<Candidate*> selected;
  for (Candidate& candidate : candidates) {
    if (candidate.usable && predicate(candidate)) selected.push_back(&candidate);
  }
  return selected;
}

/// Leaves out what is silent, too short, or the same as an item before it.
void judge(std::vector<Candidate>& candidates, int sample_rate_hz) {
  std::map<std::pair<std::uint64_t, Role>, const Item*> first;
  for (Candidate& candidate : candidates) {
    if (!candidate.usable) continue;
    const std::string path = candidate.item->sources.front().path.string();
    const auto leave_out = [&](const std::string& reason) {
      logger().warn("left out: {}: {}", path, reason);
      candidate.usable = false;
    };
    const auto same = first.try_emplace({candidate.key.content, candidate.item->role}, candidate.item).first;
    if (same->second != candidate.item) {
      leave_out("the same as " + same->second->sources.front().path.string());
    } else if (candidate.audio &&
               candidate.audio->samples < kLeastSeconds * static_cast<std::size_t>(sample_rate_hz)) {
      leave_out(fmt::format("too short; expected {} s or more, got {:.2f} s", kLeastSeconds,
                            static_cast<double>(candidate.audio->samples) / sample_rate_hz));
    } else if (candidate.audio && candidate.audio->silent()) {
      leave_out("silent");
    }
  }
}

/// The usable candidates as recordings; those not decoded yet are as long as they claim, and have no samples.
std::vector<Recording> recordings_of(const std::vector<Candidate>& candidates, int sample_rate_hz) {
  std::vector<Recording> recordings;
  for (const Candidate& candidate : candidates) {
    if (!candidate.usable) continue;
    Recording& recording = recordings.emplace_back();
    recording.name = candidate.item->name;
    recording.role = candidate.item->role;
    recording.weight = candidate.item->weight;
    recording.validation = candidate.item->validation;
    if (!candidate.audio) {
      recording.samples = static_cast<std::size_t>(candidate.claim.duration_s * sample_rate_hz);
      continue;
    }
    recording.samples = candidate.audio->samples;
    recording.scale = candidate.audio->scale;
    recording.parts = candidate.audio->parts;
    if (recording.role == Role::song) {
      const bool sung = !recording.part(Part::vocals).empty();
      const bool played = std::any_of(recording.parts.begin() + 1, recording.parts.end(),
                                      [](const auto& channels) { return !channels.empty(); });
      recording.role = sung && played ? Role::song : sung ? Role::vocals : Role::accompaniment;
    }
  }
  return recordings;
}

std::string count_text(std::size_t count, Role role) {
  const char* const word = role == Role::song ? "song" : role == Role::vocals ? "voice" : "accompaniment";
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

/// "4 songs (0.33 h), 50 voices (2.10 h)"
std::string summary(const std::vector<Recording>& recordings, bool validation, int sample_rate_hz) {
  std::vector<std::string> kinds;
  for (const Role role : {Role::song, Role::vocals, Role::accompaniment}) {
    std::size_t count = 0;
    double samples = 0;
    for (const Recording& recording : recordings) {
      if (recording.role != role || recording.validation != validation) continue;
      ++count;
      samples += static_cast<double>(recording.samples);
    }
    if (count == 0) continue;
    kinds.push_back(
        fmt::format("{} ({:.2f} h)", count_text(count, role), samples / sample_rate_hz / kSecondsPerHour));
  }
  return fmt::format("{}", fmt::join(kinds, ", "));
}

void report(const std::vector<Recording>& recordings, int sample_rate_hz) {
  for (const bool validation : {false, true}) {
    std::vector<std::string> songs;
    for (const Recording& recording : recordings) {
      if (recording.role == Role::song && recording.validation == validation) songs.push_back(recording.name);
    }
    logger().info("{} {}{}{}", validation ? "validate on" : "train on",
                  summary(recordings, validation, sample_rate_hz), songs.empty() ? "" : ": ",
                  fmt::join(songs, "; "));
  }
}

bool same_split(const std::vector<Recording>& a, const std::vector<Recording>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Recording& x, const Recording& y) {
    return x.name == y.name && x.role == y.role && x.validation == y.validation;
  });
}

/// Items of the same name are numbered; only now, so that they are on the same side.
void make_names_unique(std::vector<Recording>& recordings) {
  std::set<std::string> names;
  for (Recording& recording : recordings) {
    const std::string name = recording.name;
    for (int copy = 2; !names.insert(recording.name).second; ++copy) {
      recording.name = fmt::format("{} ({})", name, copy);
    }
  }
}

void require_usable(const std::vector<Candidate>& candidates) {
  std::map<fs::path, std::pair<std::size_t, std::size_t>> folders;  // usable, all
  for (const Candidate& candidate : candidates) {
    auto& [usable, all] = folders[candidate.item->folder];
    usable += candidate.usable ? 1U : 0U;
    ++all;
  }
  for (const auto& [folder, count] : folders) {
    if (count.first > 0) continue;
    throw Error(
        ErrorKind::input,
        fmt::format("cannot use the dataset: {}: nothing usable in it; expected readable, audible items of "
                    "{} s or more, got {} others (see the warnings)",
                    folder.string(), kLeastSeconds, count.second));
  }
}

bool is_missing(const Candidate& candidate) { return !candidate.audio; }

/// The usable candidates as recordings, split. Throws Error(input) where a folder is of no use.
std::vector<Recording> split_candidates(const std::vector<Candidate>& candidates, int sample_rate_hz) {
  require_usable(candidates);
  std::vector<Recording> recordings = recordings_of(candidates, sample_rate_hz);
  split_recordings(recordings);
  return recordings;
}

/// Says what decoding will take, and decodes what is missing and was probed.
void decode_missing(const AudioCache& cache, std::vector<Candidate>& candidates, int workers) {
  std::vector<Candidate*> missing = select(candidates, is_missing);
  if (missing.empty()) return;
  // The longest first, so that no worker is left with a long one at the end.
  std::stable_sort(missing.begin(), missing.end(), [](const Candidate* a, const Candidate* b) {
    return a->claim.stream_s > b->claim.stream_s;
  });
  double total_s = 0;
  std::uintmax_t bytes = 0;
  std::uintmax_t spool_bytes = 0;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    total_s += missing[i]->claim.stream_s;
    bytes += missing[i]->claim.bytes;
    if (i < static_cast<std::size_t>(workers)) spool_bytes += missing[i]->claim.spool_bytes;
  }
  logger().info("decode {} item{} into {}: at most {:.2f} GB, and {:.2f} GB until it is done", missing.size(),
                missing.size() == 1 ? "" : "s", cache.folder().string(), static_cast<double>(bytes) / 1e9,
                static_cast<double>(spool_bytes) / 1e9);
  cache.require_space(bytes + spool_bytes);

  Progress progress("decode", total_s);
  std::mutex mutex;
  double done_s = 0;
  for_each_usable(missing, workers, [&](Candidate& candidate) {
    candidate.audio = cache.decode(*candidate.item, candidate.key, [&](double seconds) {
      const std::lock_guard guard(mutex);
      progress.update(done_s += seconds);
    });
  });
}

}  // namespace

AudioStore open_store(const DatasetOptions& options, int sample_rate_hz) {
  const int workers = thread_count(options.workers);
  const std::vector<Item> items = list_items(options);
  AudioCache cache(options.cache_dir, sample_rate_hz);
  std::vector<Candidate> candidates;
  for (const Item& item : items) candidates.push_back({&item, {}});
  {
    Progress progress("look through the dataset", static_cast<double>(items.size()));
    std::atomic<std::size_t> done = 0;
    for_each_usable(select(candidates, [](const auto&) { return true; }), workers, [&](Candidate& candidate) {
      candidate.key = cache.key(*candidate.item);
      candidate.audio = cache.find(candidate.key);
      progress.update(static_cast<double>(++done));
    });
  }
  cache.save_index();

  std::shared_ptr<const int> lock;
  if (!select(candidates, is_missing).empty()) {
    lock = cache.lock();
    for_each_usable(select(candidates, is_missing), workers, [&](Candidate& candidate) {
      candidate.audio = cache.find(candidate.key);
      if (!candidate.audio) candidate.claim = cache.probe_item(*candidate.item);
    });
  }
  judge(candidates, sample_rate_hz);
  std::vector<Recording> recordings = split_candidates(candidates, sample_rate_hz);
  report(recordings, sample_rate_hz);
  if (lock) {
    decode_missing(cache, candidates, workers);
    lock.reset();
    judge(candidates, sample_rate_hz);
    const std::vector<Recording> reported =
        std::exchange(recordings, split_candidates(candidates, sample_rate_hz));
    if (!same_split(reported, recordings)) report(recordings, sample_rate_hz);
  }
  make_names_unique(recordings);
  auto memory = std::make_shared<std::vector<std::shared_ptr<const void>>>();
  for (const Candidate& candidate : candidates) {
    if (candidate.usable) memory->push_back(candidate.audio->memory);
  }
  return {sample_rate_hz, std::move(recordings), std::move(memory)};
}

std::string describe_dataset(const DatasetOptions& options, const AudioStore& store) {
  std::vector<std::string> folders;
  for (const auto* group : {&options.musdb, &options.vocals, &options.accompaniment}) {
    for (const DataFolder& entry : *group) {
      const fs::path whole = fs::weakly_canonical(entry.folder / ".");
      folders.push_back((whole.has_filename() ? whole : whole.parent_path()).filename().string());
    }
  }
  return fmt::format("{}: {} to train on; {} to validate on", fmt::join(folders, ", "),
                     summary(store.recordings(), false, store.sample_rate_hz()),
                     summary(store.recordings(), true, store.sample_rate_hz()));
}

}  // namespace svsep
