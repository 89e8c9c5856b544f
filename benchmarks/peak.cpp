// peak THREADS: what this machine can do at most, on so many threads: single-precision multiply-adds a second
// from registers, and bytes per second to and from memory that no cache holds. Prints both, the best of
// several tries.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

namespace {

constexpr int kTries = 7;

#if defined(__AVX512F__)
constexpr std::size_t kVectorBytes = 64;
#elif defined(__AVX__)
constexpr std::size_t kVectorBytes = 32;
#else
constexpr std::size_t kVectorBytes = 16;
#endif
using Vector = float __attribute__((vector_size(kVectorBytes)));
constexpr std::size_t kLanes = kVectorBytes / sizeof(float);

/// As many independent sums as hide the latency of a multiply-add and fit the registers.
constexpr std::size_t kSums = 12;
constexpr std::size_t kRounds = 40'000'000;
constexpr std::size_t kStreamFloats = std::size_t{32} << 20U;  ///< in each of three arrays of a thread

/// Keeps the compiler from leaving out what computed the value.
template <typename T>
void keep(T& value) {
  asm volatile("" : "+m"(value));
}

void multiply_and_add() {
  std::array<Vector, kSums> sums = {};
  Vector factor = Vector{} + 0.999F;
  Vector summand = Vector{} + 0.001F;
  keep(factor);
  keep(summand);
  for (std::size_t round = 0; round < kRounds; ++round) {
    for (Vector& sum : sums) sum = sum * factor + summand;
  }
  keep(sums);
}

struct Arrays {
  std::vector<float> a = std::vector<float>(kStreamFloats, 1.0F);
  std::vector<float> b = std::vector<float>(kStreamFloats, 2.0F);
  std::vector<float> c = std::vector<float>(kStreamFloats, 3.0F);
};

/// McCalpin's triad.
void stream(Arrays& arrays) {
  for (std::size_t i = 0; i < kStreamFloats; ++i) arrays.a[i] = arrays.b[i] + 3.0F * arrays.c[i];
  keep(arrays.a.front());
}

/// Seconds until `work(thread)` has ended on all threads, the shortest of all tries.
double seconds(std::size_t threads, const std::function<void(std::size_t)>& work) {
  double shortest = 1e9;
  for (int i = 0; i < kTries; ++i) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> others;
    for (std::size_t thread = 1; thread < threads; ++thread) others.emplace_back(work, thread);
    work(0);
    for (std::thread& other : others) other.join();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    shortest = std::min(shortest, taken.count());
  }
  return shortest;
}

}  // namespace

int main(int argc, char** argv) {
  const auto threads = static_cast<std::size_t>(argc > 1 ? std::max(1, std::atoi(argv[1])) : 1);
  const double arithmetic_s = seconds(threads, [](std::size_t) { multiply_and_add(); });
  std::vector<Arrays> arrays(threads);
  const double stream_s = seconds(threads, [&](std::size_t thread) { stream(arrays[thread]); });
  const auto all = static_cast<double>(threads);
  std::printf("%.4g %.4g\n", all * static_cast<double>(kRounds * kSums * kLanes) / arithmetic_s,
              all * static_cast<double>(3 * sizeof(float) * kStreamFloats) / stream_s);
}
