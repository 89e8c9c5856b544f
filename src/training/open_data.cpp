#include "core/log.hpp"
#include "core/ordered_queue.hpp"
#include "dataset/open_store.hpp"
#include "svsep/error.hpp"
#include "training/stretch_batches.hpp"
#include "training/training_data.hpp"
#include "training/window_batches.hpp"

#include <algorithm>
#include <memory>
#include <spdlog/fmt/fmt.h>
#include <thread>

namespace svsep {
namespace {

constexpr double kStretchSeconds = 5.0;
constexpr std::size_t kBatchesAhead = 2;  ///< made while the network learns from one
constexpr std::size_t kMixes = 8;         ///< that are separated in validation where no song is
constexpr double kMixSeconds = 30.0;

std::size_t samples_in(double seconds, const AudioStore& store) {
  return static_cast<std::size_t>(seconds * store.sample_rate_hz());
}

/// Count, length and a hash (FNV-1a) of the recordings' names and lengths.
std::string identity_of(const AudioStore& store) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  std::size_t samples = 0;
  for (const Recording& recording : store.recordings()) {
    for (const char byte : fmt::format("{}:{};", recording.name, recording.samples)) {
      hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
    }
    samples += recording.samples;
  }
  return fmt::format("{} recordings of {} samples, {:016x}", store.recordings().size(), samples, hash);
}

/// Keeps what the batches of an epoch point to.
struct MixerData {
  std::shared_ptr<const AudioStore> store;
  Mixer mixer;
};

std::shared_ptr<const MixerData> mixer_data(const std::shared_ptr<const AudioStore>& store,
                                            const MixerOptions& options) {
  return std::make_shared<const MixerData>(MixerData{store, Mixer(*store, options)});
}

/// The songs that were set aside, whole; pieces of mixes where there are none.
ValidationSongs songs_of(const std::shared_ptr<const AudioStore>& store, const TrainingOptions& options) {
  const auto mixes = mixer_data(store, {.recipe = options.recipe,
                                        .validation = true,
                                        .piece_samples = samples_in(kMixSeconds, *store),
                                        .channels = 2,
                                        .seed = options.seed});
  if (mixes->mixer.songs() == 0) {
    return {kMixes, [mixes](std::size_t index) { return mixes->mixer.draw(0, index); }};
  }
  return {mixes->mixer.songs(), [mixes](std::size_t index) { return mixes->mixer.whole_song(index); }};
}

/// Puts batches together beside the training.
template <typename Batches>
struct Ahead {
  Ahead(std::shared_ptr<const MixerData> of, std::shared_ptr<Batches> made, std::int64_t count)
      : source(std::move(of)),
        batches(std::move(made)),
        queue(
            1, kBatchesAhead,
            [left = count]() mutable { return left-- > 0 ? std::optional(left) : std::nullopt; },
            [this] { return [this](std::int64_t) { return Batch(batches->next()); }; }) {}

  std::shared_ptr<const MixerData> source;
  std::shared_ptr<Batches> batches;
  OrderedQueue<std::int64_t, Batch> queue;
};

template <typename Batches>
TrainingData::Next ahead(const std::shared_ptr<const MixerData>& source, std::shared_ptr<Batches> batches,
                         std::int64_t count) {
  auto made = std::make_shared<Ahead<Batches>>(source, std::move(batches), count);
  return [made] {
    std::optional<Batch> batch = made->queue.pop();
    if (!batch) throw Error(ErrorKind::runtime, "the data ended before the training");
    return *std::move(batch);
  };
}

}  // namespace

TrainingData open_data(const TrainingOptions& options, const ModelInfo& info, int rank, int ranks,
                       bool pinned) {
  const auto store =
      std::make_shared<const AudioStore>(open_store(options.data, info.analysis.sample_rate_hz));
  const std::size_t stretch_samples = samples_in(kStretchSeconds, *store);
  const bool whole_frames = info.window_frames == 1;  // the network takes stretches of any length
  const auto windows_in_stretch = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(info.analysis.stft.frames(stretch_samples) / info.window_frames));
  const std::int64_t stretches =
      whole_frames ? options.batch_size
                   : std::max<std::int64_t>(1, options.batch_size / windows_in_stretch / ranks) * ranks;
  const int workers = options.data.workers == 0
                          ? static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))
                          : options.data.workers;
  const std::size_t channels = info.sizes.contains("input_planes") ? 2 : 1;  // planes tell them apart
  const auto open = [=](bool validation) -> TrainingData::Open {
    const auto mixer = [&](std::size_t samples) {
      return mixer_data(store, {.recipe = options.recipe,
                                .validation = validation,
                                .piece_samples = samples,
                                .channels = channels,
                                .seed = options.seed});
    };
    const auto stretch_source = mixer(stretch_samples);
    const auto window_source = mixer(samples_in(kWindowPieceSeconds, *store));
    return [=](int epoch, std::int64_t first, std::int64_t count) {
      BatchRange range{
          static_cast<std::uint64_t>(epoch), first, count, stretches, rank, ranks, workers, pinned};
      if (whole_frames || options.loss != Loss::bce || (epoch == 0 && !validation)) {
        return ahead(stretch_source, std::make_shared<StretchBatches>(stretch_source->mixer, range), count);
      }
      range.batch_size = options.batch_size;
      const WindowOptions windows{info, options.label, options.tracks_in_batch};
      return ahead(window_source, std::make_shared<WindowBatches>(window_source->mixer, windows, range),
                   count);
    };
  };
  return {open(false), open(true), songs_of(store, options), describe_dataset(options.data, *store),
          identity_of(*store)};
}

}  // namespace svsep
