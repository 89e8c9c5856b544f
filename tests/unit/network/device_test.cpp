#include "network/device.hpp"

#include <gtest/gtest.h>
#include <string>

namespace svsep {
namespace {

ErrorKind kind_of_refusal(const std::string& request) {
  try {
    (void)choose_device(request);
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << request << " was accepted";
  return ErrorKind::partial;
}

TEST(ChooseDevice, TakesTheCpuWhenAsked) { EXPECT_TRUE(choose_device("cpu").is_cpu()); }

TEST(ChooseDevice, TakesCudaByItselfExactlyWhereThereIsOne) {
  EXPECT_EQ(choose_device("auto").is_cuda(), torch::cuda::is_available());
}

TEST(ChooseDevice, RefusesADeviceThatIsNotThere) {
  EXPECT_EQ(kind_of_refusal("cuda:99"), ErrorKind::runtime);
  if (!torch::cuda::is_available()) {
    EXPECT_EQ(kind_of_refusal("cuda"), ErrorKind::runtime);
  }
}

TEST(ChooseDevice, RefusesOtherWords) {
  for (const char* request : {"", "gpu", "cud", "cuda:", "cuda:x", "cuda:1x", "cuda:-1", "cuda 1", "CPU"}) {
    EXPECT_EQ(kind_of_refusal(request), ErrorKind::usage) << request;
  }
}

TEST(SetThreads, SetsWhatIsAskedAndRefusesLessThanNone) {
  set_threads(1);
  EXPECT_EQ(torch::get_num_threads(), 1);
  set_threads(0);
  EXPECT_GE(torch::get_num_threads(), 1);
  EXPECT_THROW(set_threads(-1), Error);
}

TEST(WithTorchErrors, TurnsThemIntoOneLine) {
  try {
    with_torch_errors("cannot add", [] { return torch::zeros({2}) + torch::zeros({3}); });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::runtime);
    EXPECT_EQ(std::string(error.what()).find("cannot add: LibTorch: "), 0U);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace svsep
