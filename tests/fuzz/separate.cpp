#include "core/progress.hpp"
#include "fuzz.hpp"
#include "media/ffmpeg_library.hpp"
#include "song/separate_song.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/mask_estimator.hpp"

#include <algorithm>
#include <cmath>

namespace {

using svsep::fuzz::require;

constexpr double kMostValues = 1 << 14;  ///< of all channels together
constexpr double kLongestS = 0.5;

/// As cheap as a network that is none: half of everything is the voice.
class HalfMask : public svsep::MaskEstimator {
 public:
  [[nodiscard]] svsep::AnalysisParameters analysis() const override { return {22050, {512, 512, 128}}; }
  [[nodiscard]] std::size_t input_planes() const override { return 2; }
  [[nodiscard]] std::size_t context_frames() const override { return 2; }
  [[nodiscard]] std::size_t batch_frames() const override { return 16; }
  void estimate(std::span<const float> magnitudes, std::span<float> mask) override {
    for (const float value : magnitudes) require(std::isfinite(value) && value >= 0, "a magnitude is finite");
    std::fill(mask.begin(), mask.end(), 0.5F);
  }
};

svsep::SongSettings settings_of(std::size_t choice) {
  svsep::SongSettings settings;
  const std::size_t formats = svsep::kFormatNames.size();
  const std::size_t format = choice % (formats + 1);
  if (format < formats) {  // else a stem file
    settings.format = static_cast<svsep::AudioFormat>(format);
    settings.mixes = {{"vocals", {{"vocals", 1.0F}}},
                      {"karaoke", {{"vocals", 0.5F}, {"accompaniment", 1.0F}}}};
  }
  choice /= formats + 1;
  if (choice % 2 == 1) settings.clip = svsep::ClipPolicy::rescale;
  settings.plot = choice / 2 % 16 == 1;
  settings.separation.thresholds = svsep::Thresholds{0.1F, 0.0F};
  return settings;
}

}  // namespace

/// A song from its file to its stems' files, as `svsep separate` does it but for the network. How many bytes
/// the song has chooses the format and the like.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  [[maybe_unused]] static const bool restrained = (svsep::restrain_ffmpeg(), true);
  svsep::show_progress(false);
  const svsep::fuzz::MemoryFile file(svsep::fuzz::text_of(data, size));
  const svsep::test::TemporaryFolder folder;
  svsep::SongSettings settings = settings_of(size);
  svsep::Job job{{file.path(), {}, "song"}, {}};
  if (settings.mixes.empty()) job.outputs.push_back({"stems", folder / "song.stem.mp4"});
  for (const svsep::Mix& mix : settings.mixes) job.outputs.push_back({mix.name, folder / mix.name});
  if (settings.plot) job.outputs.push_back({svsep::kSpectrogram, folder / "song.png"});

  bool is_done = false;
  svsep::fuzz::expect_only_errors([&] {
    {
      const svsep::Decoder decoder(file.path());
      const double values_per_s = static_cast<double>(decoder.sample_rate_hz()) * decoder.channels();
      settings.range.end_s = std::min(kLongestS, kMostValues / values_per_s);
    }
    svsep::Decoder decoder(file.path(), 0, settings.range);
    HalfMask estimator;
    const svsep::SongReport report = svsep::separate_song(job, decoder, estimator, settings);
    require(report.channels == decoder.channels() && report.sample_rate_hz > 0, "stems have a form");
    is_done = true;
  });
  const auto files = std::distance(std::filesystem::directory_iterator(folder.path()), {});
  require(files == (is_done ? static_cast<std::ptrdiff_t>(job.outputs.size()) : 0), "all outputs, or none");
  return 0;
}
