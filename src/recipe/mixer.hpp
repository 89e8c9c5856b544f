#pragma once

#include "dataset/audio_store.hpp"
#include "svsep/audio.hpp"
#include "svsep/dataset.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace svsep {

/// A stretch of training audio at the store's rate; the mixture is the sum of both.
struct Piece {
  std::string name;  ///< of the recordings it is made of, for messages
  AudioBuffer vocals;
  AudioBuffer accompaniment;  ///< as many channels and samples as vocals
};

struct MixerOptions {
  Recipe recipe = Recipe::thesis;
  bool validation = false;        ///< draws from the validation recordings; then without augmentation
  std::size_t piece_samples = 0;  ///< of every piece; a shorter recording is repeated
  std::size_t channels = 1;       ///< 1 or 2, of every piece
  std::uint64_t seed = 0;
};

/// Makes pieces of a store's recordings. A piece follows from (seed, epoch, index) alone.
///
/// Recipe::thesis: a random place of a random song; with one channel, a random one of the song's.
/// Recipe::remix: see docs/train.md. Nothing is clipped: samples may exceed full scale.
/// Validation, with either recipe: as thesis, from the index alone, so that runs of any seed can be compared;
/// where no song is set aside, voices over accompaniments that are as loud.
class Mixer {
 public:
  /// `store` must outlive the mixer. Throws Error(input) where the store lacks what the recipe needs.
  Mixer(const AudioStore& store, const MixerOptions& options);
  ~Mixer();
  Mixer(Mixer&&) noexcept;
  Mixer& operator=(Mixer&&) noexcept;

  /// Safe from any number of threads at a time. The mixture's RMS is at least -60 dBFS, but for remixes whose
  /// voice alone rests. Throws Error(input) where no audible piece can be drawn.
  [[nodiscard]] Piece draw(std::uint64_t epoch, std::uint64_t index) const;

  /// Songs that draw() may take pieces of.
  [[nodiscard]] std::size_t songs() const noexcept;
  /// The song of number `index`, whole and as it is. Safe from any number of threads at a time.
  [[nodiscard]] Piece whole_song(std::size_t index) const;

  [[nodiscard]] const MixerOptions& options() const noexcept;
  [[nodiscard]] int sample_rate_hz() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace svsep
