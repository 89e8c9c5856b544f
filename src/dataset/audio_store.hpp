#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace svsep {

/// What a recording is good for.
enum class Role {
  song,           ///< vocals and the parts of their own accompaniment, aligned
  vocals,         ///< voices alone
  accompaniment,  ///< music without voices
};

/// The signals of a recording. A song has vocals and at least one of drums, bass and other; a recording of
/// Role::vocals has vocals alone; one of Role::accompaniment has other, or (a song whose vocals are silent)
/// at least one of drums, bass and other, and is the sum of them.
enum class Part : std::size_t { vocals, drums, bass, other };
inline constexpr std::size_t kPartCount = 4;

/// One item of the training data: samples at the store's rate. A view; the store owns the memory.
struct Recording {
  std::string name;  ///< unique in the store; for messages
  Role role = Role::song;
  bool validation = false;  ///< kept apart from training
  double weight = 1.0;      ///< of the collection that it is from, > 0
  std::size_t samples = 0;  ///< of every channel of every part
  float scale = 1.0F;       ///< sample value = integer * scale
  /// parts[part]: one span a channel (1 or 2), or none where the part is missing.
  std::array<std::vector<std::span<const std::int16_t>>, kPartCount> parts;

  [[nodiscard]] const std::vector<std::span<const std::int16_t>>& part(Part which) const {
    return parts[static_cast<std::size_t>(which)];
  }
};

/// Recordings and the memory they lie in (mapped cache files, or plain vectors in tests). Immutable, so any
/// thread may read.
class AudioStore {
 public:
  /// `memory` keeps alive what the spans of `recordings` point to.
  AudioStore(int sample_rate_hz, std::vector<Recording> recordings, std::shared_ptr<const void> memory)
      : sample_rate_hz_(sample_rate_hz), recordings_(std::move(recordings)), memory_(std::move(memory)) {}

  [[nodiscard]] int sample_rate_hz() const noexcept { return sample_rate_hz_; }
  [[nodiscard]] const std::vector<Recording>& recordings() const noexcept { return recordings_; }

 private:
  int sample_rate_hz_;
  std::vector<Recording> recordings_;
  std::shared_ptr<const void> memory_;
};

}  // namespace svsep
