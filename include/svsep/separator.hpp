#pragma once

#include "svsep/audio.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace svsep {

/// Values of the vocal mask below `vocals` become 0 in the vocals; values of 1 - mask below `accompaniment`
/// become 0 in the accompaniment. 0 switches one off. Both in 0..1.
struct Thresholds {
  float vocals = 0.0F;
  float accompaniment = 0.0F;
};

/// Where goes what the mixture holds above the model's band (half its sample rate).
enum class HighBand {
  split,          ///< to both: the vocals' share follows the mask of the model's top bins
  accompaniment,  ///< to the accompaniment
  drop,           ///< nowhere (the thesis)
};

/// How the accompaniment is made.
enum class AccompanimentSource {
  mask,      ///< (1 - mask) x mixture
  residual,  ///< mixture - vocals, so that the stems add up to the mixture whatever the thresholds are
};

struct SeparationSettings {
  std::vector<std::string> stems = {};  ///< that are wanted, see Estimator; empty: vocals, accompaniment
  std::optional<Thresholds> thresholds = {};  ///< masks only; absent: those that suit the model
  HighBand high_band = HighBand::split;       ///< masks only
  AccompanimentSource accompaniment = AccompanimentSource::mask;  ///< masks only
  int output_sample_rate_hz = 0;                                  ///< of the stems; 0: the mixture's
};

/// What a separator takes.
struct SongFormat {
  int sample_rate_hz = 44100;  ///< 1 to 768000
  int channels = 2;            ///< 1 to 64
};

/// The streaming pipeline: samples of the mixture in, samples of the stems out. The stems have the mixture's
/// rate, channel count and exact length (or what output_sample_rate_hz makes of it), and do not depend on how
/// the input was cut into blocks. Memory does not grow with the song.
///
///   const auto separator = estimator.make_separator({44100, 2}, {}, [&](std::span<const AudioBuffer> stems)
///   {
///     vocals.write(stems[0]), accompaniment.write(stems[1]);
///   });
///   for (AudioBuffer block; song.read(block);) separator->push(block);
///   separator->finish();
class Separator {
 public:
  /// Takes equally long blocks of all stems in the order of stems(), block after block, on a thread of the
  /// separator's. What it throws, push() or finish() throws.
  using Sink = std::function<void(std::span<const AudioBuffer> stems)>;

  virtual ~Separator() = default;

  /// The names of what the sink takes.
  [[nodiscard]] virtual const std::vector<std::string>& stems() const noexcept = 0;
  /// Takes a block of any length. Throws Error(usage) unless it has the song's channel count and all channels
  /// are equally long, and what the estimator throws. One thread at a time.
  virtual void push(const AudioBuffer& block) = 0;
  /// Gives the rest, and returns when the sink has all. No push after it.
  virtual void finish() = 0;
};

/// What separates songs with one model: a MaskEstimator or a ChunkEstimator.
class Estimator {
 public:
  virtual ~Estimator() = default;

  /// The stems that the model itself gives, in its order: what the wish "all" stands for.
  [[nodiscard]] virtual std::vector<std::string> stems() const = 0;
  /// A separator for one song, which the estimator must outlive. One song at a time. Throws Error: input (the
  /// song's rate or channel count), usage (a stem that this model cannot give).
  [[nodiscard]] virtual std::unique_ptr<Separator> make_separator(const SongFormat& song,
                                                                  const SeparationSettings& settings,
                                                                  Separator::Sink sink) = 0;
};

}  // namespace svsep
