#include "dsp/convolution.hpp"

#include "signals.hpp"

#include <array>
#include <gtest/gtest.h>
#include <thread>

namespace svsep {
namespace {

using test::largest_difference;
using test::noise;

std::vector<float> convolved_directly(const std::vector<float>& signal, const std::vector<float>& kernel,
                                      std::size_t skipped) {
  std::vector<float> result(signal.size());
  for (std::size_t n = 0; n < signal.size(); ++n) {
    double sum = 0.0;
    for (std::size_t k = 0; k < kernel.size() && k <= n + skipped; ++k) {
      if (n + skipped - k < signal.size()) sum += double{kernel[k]} * double{signal[n + skipped - k]};
    }
    result[n] = static_cast<float>(sum);
  }
  return result;
}

TEST(Convolve, IsTheSumOfProducts) {
  for (const std::size_t samples : {1U, 2U, 100U, 4000U, 9000U}) {
    for (const std::size_t taps : {1U, 2U, 63U, 1025U}) {
      for (const std::size_t skipped : {0U, 1U, 512U}) {
        const std::vector<float> signal = noise(samples, 1);
        const std::vector<float> kernel = noise(taps, 2);
        EXPECT_LT(largest_difference(convolve(signal, kernel, skipped),
                                     convolved_directly(signal, kernel, skipped)),
                  2e-5)
            << samples << " samples, " << taps << " taps, " << skipped << " skipped";
      }
    }
  }
}

TEST(Convolve, GivesTheSameFromAnyThread) {
  const std::vector<float> signal = noise(30000, 1);
  const std::vector<float> kernel = noise(300, 2);
  const std::vector<float> expected = convolve(signal, kernel);
  std::array<std::vector<float>, 4> results;
  {
    std::vector<std::jthread> threads;
    for (std::vector<float>& result : results)
      threads.emplace_back([&] { result = convolve(signal, kernel); });
  }
  for (const std::vector<float>& result : results) EXPECT_EQ(result, expected);
}

TEST(FirOfGains, IsScipysFirwin2) {
  // scipy.signal.firwin2(7, numpy.linspace(0, 1, 9), [1, .2, .9, .4, .1, .7, .3, .8, .5], nfreqs=9,
  // window="hann")
  const std::array<float, 9> gains = {1.0F, 0.2F, 0.9F, 0.4F, 0.1F, 0.7F, 0.3F, 0.8F, 0.5F};
  const std::array<float, 7> expected = {0.0F,         0.018102791F, 0.000481061F, 0.518750000F,
                                         0.000481061F, 0.018102791F, 0.0F};
  EXPECT_LT(largest_difference(fir_of_gains(gains, 7), expected), 1e-7);
}

}  // namespace
}  // namespace svsep
