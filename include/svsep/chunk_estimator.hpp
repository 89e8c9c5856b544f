#pragma once

#include "svsep/separator.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace svsep {

/// How a published network takes a song: chunks of samples in, chunks of stems out.
struct ChunkParameters {
  int sample_rate_hz = 44100;     ///< of the network, 8000 to 192000
  std::size_t channels = 2;       ///< of the network, 1 or 2
  std::size_t chunk_samples = 0;  ///< of one network input, 1024 to 2^24
  double overlap = 0.25;          ///< share of a chunk that it has in common with the next, 0 to 0.99
  std::vector<std::string> stems =
      {};  ///< that the network gives, in its order: "vocals", "drums" ...; 1 to 16
  /// A bag: several networks of the same sizes in one file, the tensors of network k after "k." ("0.", "1."
  /// ...). A stem is the sum of the networks' ones times weights[network][stem], divided by the sum of the
  /// stem's weights. Empty: one network, and no prefix. Up to 16 networks, weights from 0 to 1000.
  std::vector<std::vector<double>> weights = {};
};

/// What a network sees at the song's ends, and how its chunks fade into each other: as the published
/// inference of its family does it.
enum class ChunkEnds {
  /// The song is continued by its reflection for as long as chunks overlap; a tenth of a chunk fades in and
  /// out linearly (MDX23C, the RoFormers; ZFTurbo, Music-Source-Separation-Training). A song that is not
  /// longer than two such overlaps begins and ends without.
  reflected,
  /// The first chunk begins with the song; the last one's part of the song stands in its middle, with what
  /// comes before it, and silence beyond the song. The fades are triangles (HT-Demucs; its package `demucs`).
  centred,
};

/// The seam between the streaming separation and a network that turns chunks of the mixture into chunks of
/// stems (a published network; a fake in tests).
class ChunkEstimator : public Estimator {
 public:
  [[nodiscard]] virtual const ChunkParameters& chunks() const noexcept = 0;
  [[nodiscard]] virtual ChunkEnds ends() const noexcept { return ChunkEnds::reflected; }
  /// The most chunks that estimate() takes in one call.
  [[nodiscard]] virtual std::size_t batch_chunks() const noexcept { return 1; }

  /// From now on only the stems with true in `wanted`, one for each of chunks().stems, are looked at; what
  /// estimate() leaves in the others does not matter.
  virtual void want(const std::vector<bool>& /*wanted*/) {}

  /// `mixture` is [batch][channels][samples] at the network's rate, 1 to batch_chunks() chunks; `stems` is
  /// [batch][stems][channels][samples], filled. Row-major. A chunk's stems do not depend on the others of the
  /// batch. Throws Error(runtime). Not thread safe.
  virtual void estimate(std::span<const float> mixture, std::span<float> stems) = 0;

  /// chunks().stems.
  [[nodiscard]] std::vector<std::string> stems() const final;
  /// A ChunkSeparator.
  [[nodiscard]] std::unique_ptr<Separator> make_separator(const SongFormat& song,
                                                          const SeparationSettings& settings,
                                                          Separator::Sink sink) final;
};

}  // namespace svsep
