#pragma once

#include "dataset/cached_audio.hpp"
#include "dataset/collection.hpp"
#include "dataset/content_hash.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace svsep {

/// What an item will become, as its containers claim.
struct Claim {
  double duration_s = 0.0;
  double stream_s = 0.0;           ///< of all streams together: the work
  std::uintmax_t bytes = 0;        ///< in the cache, where no part is silent
  std::uintmax_t spool_bytes = 0;  ///< beside it while it is being decoded
};

/// Decoded items at one sample rate, a memory-mapped file each, named by what the item's files hold. So items
/// may be moved and renamed; several programs may share the folder; what was left half-written is never taken
/// for whole. All members are safe from any thread.
class AudioCache {
 public:
  /// Makes nothing yet. An empty `folder` is $XDG_CACHE_HOME/svsep or ~/.cache/svsep; Error(usage) where
  /// neither variable is set.
  AudioCache(std::filesystem::path folder, int sample_rate_hz);

  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }

  /// Of the item's content. Reads its files, unless they are known from an earlier run. Throws Error(input).
  [[nodiscard]] CacheKey key(const Item& item);
  /// Keeps what key() learnt for the next run, where the folder can be written.
  void save_index();

  [[nodiscard]] std::optional<CachedAudio> find(const CacheKey& key) const;

  /// Opens the item's files without decoding them. Throws Error(input) where one of them is not usable.
  [[nodiscard]] Claim probe_item(const Item& item) const;

  /// Waits until no other program (or thread) decodes into the folder, so that the work is not done twice,
  /// and keeps others waiting until the handle goes. Where the file system has no locks, returns at once:
  /// then only time is lost. Removes what killed runs left behind. Throws Error(output), Cancelled.
  [[nodiscard]] std::shared_ptr<const int> lock() const;

  /// Throws Error(output) where the folder's file system has not `bytes` left.
  void require_space(std::uintmax_t bytes) const;

  /// Decodes, resamples and stores the item. `on_decoded` is told the seconds of a stream as they are done.
  /// Throws Error(input) where a stream is not decodable, Error(output) where the cache cannot be written.
  [[nodiscard]] CachedAudio decode(const Item& item, const CacheKey& key,
                                   const std::function<void(double)>& on_decoded) const;

 private:
  [[nodiscard]] std::filesystem::path path_of(const CacheKey& key) const;
  void remove_leftovers() const;

  std::filesystem::path folder_;
  int sample_rate_hz_;
  HashIndex index_;
};

}  // namespace svsep
