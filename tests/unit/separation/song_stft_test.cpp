#include "separation/song_stft.hpp"

#include <gtest/gtest.h>

namespace svsep {
namespace {

TEST(StftAtRate, KeepsTheModelsFrameTimesAndBinFrequencies) {
  const AnalysisParameters model;
  for (const int rate_hz : {11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 192000}) {
    const StftParameters stft = stft_at_rate(model, rate_hz);
    const double hop_s = static_cast<double>(stft.hop_samples) / rate_hz;
    EXPECT_NEAR(hop_s, 256.0 / 22050, 0.021 * 256 / 22050) << rate_hz;
    const double bin_hz = static_cast<double>(rate_hz) / static_cast<double>(stft.fft_samples);
    EXPECT_NEAR(bin_hz, 22050.0 / 4096, 0.021 * 22050 / 4096) << rate_hz;
    EXPECT_EQ(stft.window_samples, 4 * stft.hop_samples) << rate_hz;
  }
  EXPECT_EQ(stft_at_rate(model, 22050), model.stft);
  EXPECT_EQ(stft_at_rate(model, 44100), (StftParameters{8192, 2048, 512}));
}

}  // namespace
}  // namespace svsep
