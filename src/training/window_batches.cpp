#include "training/window_batches.hpp"

#include "core/ordered_queue.hpp"
#include "core/rng.hpp"
#include "dsp/stft_pair.hpp"
#include "network/input_transform.hpp"
#include "svsep/error.hpp"
#include "training/frame_targets.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace svsep {
namespace {

constexpr std::uint64_t kShuffle = ~std::uint64_t{};  // a key that no draw uses

std::size_t advance_frames(const ModelInfo& model) {
  return std::max<std::size_t>(1, model.window_frames - 1);
}

std::size_t windows_in(const ModelInfo& model, std::size_t samples) {
  const std::size_t frames = model.analysis.stft.frames(samples);
  return frames < model.window_frames ? 0 : 1 + (frames - model.window_frames) / advance_frames(model);
}

/// What windows are cut from.
struct PreparedPiece {
  std::string name;
  std::vector<float> vocals;
  std::vector<float> accompaniment;
  torch::Tensor gains;  // [frames], for InputTransform::log_level
};

/// A piece that the first thread draws that needs it.
class LazyPiece {
 public:
  using Draw = std::function<PreparedPiece(std::uint64_t)>;

  LazyPiece(std::uint64_t index, const Draw& draw) : index_(index), draw_(draw) {}

  /// Nothing where another thread is at it.
  void try_prepare() {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock && !piece_) piece_ = draw_(index_);
  }
  [[nodiscard]] const PreparedPiece& get() {
    const std::lock_guard lock(mutex_);
    if (!piece_) piece_ = draw_(index_);
    return *piece_;
  }

 private:
  std::uint64_t index_;
  const Draw& draw_;
  std::mutex mutex_;
  std::optional<PreparedPiece> piece_;
};

struct Window {
  std::shared_ptr<LazyPiece> piece;
  std::size_t number = 0;
};
using WindowList = std::vector<Window>;

WindowBatch make_batch(const WindowList& windows, const WindowOptions& options, StftPair& stft) {
  const ModelInfo& model = options.model;
  const std::size_t bins = model.analysis.stft.bins();
  const std::array shape = {static_cast<std::int64_t>(windows.size()),
                            static_cast<std::int64_t>(model.window_frames), static_cast<std::int64_t>(bins)};
  const bool ratio = options.label == Label::ratio;
  WindowBatch batch{
      torch::empty(shape, torch::kFloat), torch::empty(shape, ratio ? torch::kFloat : torch::kByte), {}};
  auto* input = batch.inputs.data_ptr<float>();
  for (const Window& window : windows) window.piece->try_prepare();  // rather than wait for others
  std::size_t at = 0;
  for (const Window& window : windows) {
    const PreparedPiece& piece = window.piece->get();
    batch.names.insert(piece.name);
    for (std::size_t i = 0; i < model.window_frames; ++i, at += bins) {
      const std::size_t frame_number = window.number * advance_frames(model) + i;
      const FramePair frame = stft.frame(piece.vocals, piece.accompaniment, frame_number);
      const std::span<float> to(input + at, bins);
      if (model.input_transform == InputTransform::magnitude) {
        write_magnitudes(frame, to);
      } else {
        write_log_magnitudes(frame, piece.gains.data_ptr<float>()[frame_number], model.log_floor, to);
      }
      if (ratio) {
        write_ratio_label(frame, {batch.labels.data_ptr<float>() + at, bins});
      } else {
        write_binary_label(frame, options.label, {batch.labels.data_ptr<std::uint8_t>() + at, bins});
      }
    }
  }
  return batch;
}

}  // namespace

WindowSchedule::WindowSchedule(std::uint64_t seed, std::uint64_t epoch, std::size_t windows_in_piece,
                               int pieces_in_pool, std::size_t batch_size)
    : seed_(seed),
      epoch_(epoch),
      windows_in_piece_(windows_in_piece),
      pieces_in_pool_(pieces_in_pool),
      batch_size_(batch_size) {}

std::vector<WindowPlace> WindowSchedule::next() {
  while (pool_.size() < batch_size_) {
    for (int i = 0; i < pieces_in_pool_; ++i, ++pieces_) {
      for (std::size_t window = 0; window < windows_in_piece_; ++window) pool_.push_back({pieces_, window});
    }
    Rng rng({seed_, epoch_, pieces_, kShuffle});
    for (std::size_t i = pool_.size(); i > 1; --i) std::swap(pool_[i - 1], pool_[rng.below(i)]);
  }
  const auto first = pool_.end() - static_cast<std::ptrdiff_t>(batch_size_);
  std::vector<WindowPlace> batch(first, pool_.end());
  pool_.erase(first, pool_.end());
  return batch;
}

struct WindowBatches::Impl {
  Impl(const Mixer& source, const WindowOptions& window_options, const BatchRange& batch_range);

  [[nodiscard]] PreparedPiece prepare(std::uint64_t index) const;
  [[nodiscard]] std::optional<WindowList> next_windows();

  const Mixer& mixer;
  WindowOptions options;
  BatchRange range;
  std::size_t windows_in_piece;
  WindowSchedule schedule;
  std::int64_t left;
  LazyPiece::Draw draw = [this](std::uint64_t index) { return prepare(index); };
  struct Shared {
    std::shared_ptr<LazyPiece> piece;
    std::size_t windows_left = 0;  // of the single process' batches
  };
  std::map<std::uint64_t, Shared> pieces;                      // those with windows to come
  std::optional<OrderedQueue<WindowList, WindowBatch>> queue;  // last, so that its threads end first
};

WindowBatches::Impl::Impl(const Mixer& source, const WindowOptions& window_options,
                          const BatchRange& batch_range)
    : mixer(source),
      options(window_options),
      range(batch_range),
      windows_in_piece(windows_in(options.model, mixer.options().piece_samples)),
      schedule(mixer.options().validation ? 0 : mixer.options().seed, range.epoch, windows_in_piece,
               options.tracks_in_batch, static_cast<std::size_t>(range.batch_size)),
      left(range.count) {
  check_shares(range);
  if (windows_in_piece == 0) {
    throw Error(ErrorKind::input, "cannot cut windows: length of a piece; expected at least " +
                                      std::to_string(options.model.window_frames) + " frames, got " +
                                      std::to_string(mixer.options().piece_samples) + " samples");
  }
  for (std::int64_t batch = 0; batch < range.first; ++batch) {
    for (const WindowPlace& place : schedule.next()) {
      if (--pieces.try_emplace(place.piece, Shared{nullptr, windows_in_piece}).first->second.windows_left ==
          0) {
        pieces.erase(place.piece);
      }
    }
  }
  const auto workers = static_cast<std::size_t>(range.workers);
  queue.emplace(
      workers, 2 * workers, [this] { return next_windows(); },
      [this]() -> OrderedQueue<WindowList, WindowBatch>::Work {
        const auto stft = std::make_shared<StftPair>(options.model.analysis.stft);
        return [this, stft](const WindowList& windows) { return make_batch(windows, options, *stft); };
      });
}

std::optional<WindowList> WindowBatches::Impl::next_windows() {
  if (left == 0) return std::nullopt;
  --left;
  WindowList windows;
  const std::vector<WindowPlace> batch = schedule.next();
  const std::size_t share = batch.size() / static_cast<std::size_t>(range.ranks);
  const std::size_t first = share * static_cast<std::size_t>(range.rank);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Shared& shared = pieces.try_emplace(batch[i].piece, Shared{nullptr, windows_in_piece}).first->second;
    if (i >= first && i < first + share) {
      if (!shared.piece) shared.piece = std::make_shared<LazyPiece>(batch[i].piece, draw);
      windows.push_back({shared.piece, batch[i].window});
    }
    if (--shared.windows_left == 0) pieces.erase(batch[i].piece);
  }
  return windows;
}

PreparedPiece WindowBatches::Impl::prepare(std::uint64_t index) const {
  Piece piece = mixer.draw(range.epoch, index);
  PreparedPiece prepared{std::move(piece.name),
                         std::move(piece.vocals.channels.at(0)),
                         std::move(piece.accompaniment.channels.at(0)),
                         {}};
  if (options.model.input_transform == InputTransform::log_level) {
    std::vector<double> powers =
        frame_powers(options.model.analysis.stft, prepared.vocals, prepared.accompaniment);
    const torch::Tensor power = torch::from_blob(powers.data(), {std::ssize(powers), 1}, torch::kDouble);
    prepared.gains = frame_gains(power.sqrt(), options.model.level_radius_frames);
  }
  return prepared;
}

WindowBatches::WindowBatches(const Mixer& mixer, const WindowOptions& options, const BatchRange& range)
    : impl_(std::make_unique<Impl>(mixer, options, range)) {}
WindowBatches::~WindowBatches() = default;

WindowBatch WindowBatches::next() {
  std::optional<WindowBatch> batch = impl_->queue->pop();
  if (!batch) throw Error(ErrorKind::runtime, "the data ended before the training");
  return *std::move(batch);
}

}  // namespace svsep
