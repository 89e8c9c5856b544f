#pragma once

#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/error.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace svsep::test {

constexpr int kRateHz = 22050;

/// How a synthetic track sounds: a 440 Hz tone sings over noise.
struct TrackSound {
  double seconds = 3.0;
  double vocals = 0.5;
  double accompaniment = 0.02;
  int streams = 5;
};

/// Writes `name`.stem.mp4 with lossless streams: mixture, drums (noise), bass (silent), other (noise), vocals
/// (a tone whose second channel is half as loud).
inline std::filesystem::path write_track(const std::filesystem::path& folder, const std::string& name,
                                         const TrackSound& sound = {}) {
  std::filesystem::create_directories(folder);
  const auto samples = static_cast<std::size_t>(sound.seconds * kRateHz);
  std::array<AudioBuffer, 5> stems;
  stems[1] = noise(samples, 2, sound.accompaniment, 1);
  stems[2] = AudioBuffer(2, samples);
  stems[3] = noise(samples, 2, sound.accompaniment, 3);
  stems[4] = sine(kRateHz, samples, 2, 440.0, sound.vocals);
  stems[0] = AudioBuffer(2, samples);  // svsep adds the stems instead
  const TemporaryFolder wavs;
  std::vector<std::string> arguments;
  std::vector<std::string> maps;
  for (int n = 0; n < sound.streams; ++n) {
    const std::filesystem::path wav = wavs / (std::to_string(n) + ".wav");
    write_wav_s16(wav, stems.at(static_cast<std::size_t>(n)), kRateHz);
    arguments.insert(arguments.end(), {"-i", wav.string()});
    maps.insert(maps.end(), {"-map", std::to_string(n)});
  }
  arguments.insert(arguments.end(), maps.begin(), maps.end());
  const std::filesystem::path path = folder / (name + ".stem.mp4");
  arguments.insert(arguments.end(), {"-c:a", "alac", path.string()});
  run_ffmpeg(arguments);
  return path;
}

/// Writes `name` as a folder of WAV files, one for each part: pairs of a part's name and its sound.
inline std::filesystem::path write_parts(const std::filesystem::path& folder, const std::string& name,
                                         const std::vector<std::pair<std::string, AudioBuffer>>& parts,
                                         int sample_rate_hz = kRateHz) {
  std::filesystem::create_directories(folder / name);
  for (const auto& [part, audio] : parts) {
    write_wav_s16(folder / name / (part + ".wav"), audio, sample_rate_hz);
  }
  return folder / name;
}

/// The kind and text of the Error that `work` throws; text "nothing was thrown" where it throws none.
template <typename Work>
Error error_of(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorKind::runtime, "nothing was thrown"};
}

/// All bytes of a file; none where there is no such file.
inline std::string text_of(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace svsep::test
