// What training data cost: windows per second from audio in memory, without a network, and the time of each
// stage. The thesis' sizes: windows of 9 frames of 2049 bins at 22050 Hz.
//
//   benchmark_data_pipeline --benchmark_filter=Windows
#include "recipe/mixer.hpp"
#include "support/audio_store.hpp"
#include "training/frame_targets.hpp"
#include "training/window_batches.hpp"

#include <array>
#include <benchmark/benchmark.h>
#include <string>
#include <vector>

namespace svsep {
namespace {

constexpr int kRateHz = 22050;
constexpr std::size_t kPieceSamples = 30 * kRateHz;

const AudioStore& store() {
  static const AudioStore audio = [] {
    test::StoreBuilder builder(kRateHz);
    for (std::uint64_t i = 0; i < 4; ++i) {
      builder.add_song("song " + std::to_string(i), 60 * kRateHz, 10 * i);
      builder.add_voice("voice " + std::to_string(i), 60 * kRateHz, 10 * i + 1);
      builder.add_accompaniment("accompaniment " + std::to_string(i), 60 * kRateHz, 10 * i + 2);
    }
    return builder.build();
  }();
  return audio;
}

Mixer mixer(Recipe recipe, std::size_t samples = kPieceSamples) {
  return {store(),
          {.recipe = recipe, .validation = false, .piece_samples = samples, .channels = 1, .seed = 0}};
}

/// Batches of 128 windows. The CPU column is of all threads.
void Windows(benchmark::State& state) {
  const Mixer source = mixer(static_cast<Recipe>(state.range(0)));
  const std::int64_t count = 1000000;  // more than are taken
  WindowBatches batches(source, {},
                        {.count = count, .batch_size = 128, .workers = static_cast<int>(state.range(1))});
  for (int i = 0; i < 5; ++i) benchmark::DoNotOptimize(batches.next());
  for (auto _ : state) benchmark::DoNotOptimize(batches.next());
  state.counters["windows"] = benchmark::Counter(128.0, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(Windows)
    ->ArgsProduct({{0, 1}, {0, 1, 2}})
    ->ArgNames({"remix", "workers"})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

/// A piece of 30 s.
void DrawPiece(benchmark::State& state) {
  const Mixer source = mixer(static_cast<Recipe>(state.range(0)));
  std::uint64_t index = 0;
  for (auto _ : state) benchmark::DoNotOptimize(source.draw(1, index++));
}
BENCHMARK(DrawPiece)->Arg(0)->Arg(1)->ArgName("remix")->Unit(benchmark::kMillisecond);

/// Levels of a piece of 30 s.
void FramePowers(benchmark::State& state) {
  const Piece piece = mixer(Recipe::thesis).draw(1, 0);
  for (auto _ : state) {
    benchmark::DoNotOptimize(frame_powers({}, piece.vocals.channels[0], piece.accompaniment.channels[0]));
  }
}
BENCHMARK(FramePowers)->Unit(benchmark::kMillisecond);

/// One frame of both signals: transformed; made an input; made a label.
void Frame(benchmark::State& state) {
  const Piece piece = mixer(Recipe::thesis, kRateHz).draw(1, 0);
  StftPair stft({});
  std::size_t t = 10;
  for (auto _ : state) {
    benchmark::DoNotOptimize(stft.frame(piece.vocals.channels[0], piece.accompaniment.channels[0], t));
    t = t == 70 ? 10 : t + 1;
  }
}
BENCHMARK(Frame);

template <typename Write>
void write_frames(benchmark::State& state, const Write& write) {
  const Piece piece = mixer(Recipe::thesis, kRateHz).draw(1, 0);
  StftPair stft({});
  const FramePair frame = stft.frame(piece.vocals.channels[0], piece.accompaniment.channels[0], 20);
  for (auto _ : state) {
    write(frame);
    benchmark::ClobberMemory();
  }
}

void FrameInput(benchmark::State& state) {
  std::vector<float> out(2049);
  write_frames(state, [&](const FramePair& frame) { write_log_magnitudes(frame, 0.3F, 1e-3F, out); });
}
BENCHMARK(FrameInput);

void FrameLabel(benchmark::State& state) {
  std::vector<std::uint8_t> out(2049);
  write_frames(state, [&](const FramePair& frame) { write_binary_label(frame, Label::accompaniment, out); });
}
BENCHMARK(FrameLabel);

}  // namespace
}  // namespace svsep

BENCHMARK_MAIN();
