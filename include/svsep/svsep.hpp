#pragma once

/// Separates songs from C++, as the program svsep does:
///
///     #include <svsep/svsep.hpp>
///
///     const svsep::SongReport report = svsep::separate_file("song.mp3", "stems");
///     // stems/vocals.wav and stems/accompaniment.wav, with the song's rate, channels and length
///
/// Build with CMake (`find_package(svsep)`, link `svsep::svsep`) or `c++ -std=c++20 ... $(pkg-config --cflags
/// --libs svsep)`. What goes wrong is a svsep::Error. The other headers hold the parts: decoders, encoders,
/// separators.

#include "svsep/encoder.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace svsep {

struct SeparateFileOptions {
  std::string model;            ///< a name or a file; empty: the program's default
  std::string device = "auto";  ///< "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:N"
  int threads = 0;              ///< of the network; 0: all processors
  std::vector<std::string>
      stems;  ///< that are written; empty: vocals and accompaniment; "all": the model's own
  AudioFormat format = AudioFormat::wav_s24;      ///< a rate that it cannot hold becomes its nearest
  bool overwrite = false;                         ///< otherwise an output that exists is an error
  std::function<void(double share)> on_progress;  ///< gets 0..1, on another thread
};

/// What became of one song.
struct SongReport {
  double song_s = 0;
  double wall_s = 0;
  int sample_rate_hz = 0;  ///< of the outputs
  int channels = 0;
  float peak = 0;                     ///< largest magnitude of the outputs, before clipping
  std::int64_t clipped_samples = 0;   ///< over all outputs and channels
  float gain = 1;                     ///< that was applied so that nothing clips, where that was asked for
  std::int64_t damaged_packets = 0;   ///< of the song, that were skipped
  std::int64_t unusable_samples = 0;  ///< of the song, that were taken as silence
  double lead_s = 0;                  ///< of silence before audio that begins late
  double filled_s = 0;                ///< of silence in holes and for lost packets
  bool is_cut_off = false;            ///< the song's file ends before it should
  double declared_s = 0;              ///< where it should end, as the file declares; 0: it does not
  std::size_t stream = 0;             ///< of the file's audio streams, that was the song
  std::size_t streams = 1;            ///< audio streams in the file
  std::vector<std::string> warnings;  ///< all that the log says of the song
  std::vector<std::filesystem::path> outputs;  ///< the files, in the order of the stems
};

/// Separates one song that FFmpeg can read into `folder` (made where it is missing): a file per stem, named
/// after it. No file appears before all are complete; where anything fails, none does. Loads the model anew
/// for every call, which takes about a second; memory does not grow with the song. Any number of threads may
/// call it, but the device is shared. Throws Error: input, output, model, usage (no such stem), runtime.
SongReport separate_file(const std::filesystem::path& song, const std::filesystem::path& folder,
                         const SeparateFileOptions& options = {});

/// The file of a model given by name ("unet": installed below libsvsep's own prefix or $SVSEP_PREFIX, or
/// imported by the user) or by path (with a slash or ".safetensors"). Throws Error(model) where a name has no
/// file.
[[nodiscard]] std::filesystem::path find_model(const std::string& name_or_path);

/// Settings of the whole process that the program svsep makes at its start, and the library never by itself:
///   - FFmpeg writes nothing to stderr, and allocates at most 256 MB at once, whatever a file claims;
///   - glibc keeps freed memory, in one arena: the network takes a third less time.
/// For hosts that want them too, before any other call.
void configure_process();

}  // namespace svsep
