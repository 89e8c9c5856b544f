#include "training/stretch_batches.hpp"

#include "core/ordered_queue.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

namespace svsep {

void check_shares(const BatchRange& range) {
  if (range.batch_size > 0 && range.batch_size % range.ranks == 0) return;
  throw Error(ErrorKind::usage, "cannot share a batch: its size; expected a multiple of " +
                                    std::to_string(range.ranks) + " processes, got " +
                                    std::to_string(range.batch_size));
}

struct StretchBatches::Impl {
  std::int64_t share = 0;
  bool pinned = false;
  std::optional<OrderedQueue<std::uint64_t, Piece>> queue;
};

StretchBatches::StretchBatches(const Mixer& mixer, const BatchRange& range)
    : impl_(std::make_unique<Impl>()) {
  check_shares(range);
  impl_->pinned = range.pinned;
  impl_->share = range.batch_size / range.ranks;
  const auto next_piece = [range, share = impl_->share,
                           taken = std::int64_t{0}]() mutable -> std::optional<std::uint64_t> {
    const std::int64_t batch = range.first + taken / share;
    if (batch == range.first + range.count) return std::nullopt;
    return static_cast<std::uint64_t>(batch * range.batch_size + range.rank * share + taken++ % share);
  };
  const auto workers = static_cast<std::size_t>(range.workers);
  impl_->queue.emplace(workers, 2 * workers + static_cast<std::size_t>(impl_->share), next_piece,
                       [&mixer, epoch = range.epoch] {
                         return [&mixer, epoch](std::uint64_t index) { return mixer.draw(epoch, index); };
                       });
}
StretchBatches::~StretchBatches() = default;

StretchBatch StretchBatches::next() {
  StretchBatch batch;
  for (std::int64_t i = 0; i < impl_->share; ++i) {
    const std::optional<Piece> piece = impl_->queue->pop();
    if (!piece) throw Error(ErrorKind::runtime, "the data ended before the training");
    const std::array shape = {impl_->share, std::ssize(piece->vocals.channels),
                              static_cast<std::int64_t>(piece->vocals.samples())};
    const auto options = torch::TensorOptions(torch::kFloat).pinned_memory(impl_->pinned);
    if (i == 0) batch = {torch::empty(shape, options), torch::empty(shape, options), {}};
    const auto write = [&](const AudioBuffer& audio, const torch::Tensor& to) {
      auto* out = to.data_ptr<float>() + i * shape[1] * shape[2];
      for (const std::vector<float>& channel : audio.channels)
        out = std::copy(channel.begin(), channel.end(), out);
    };
    write(piece->vocals, batch.vocals);
    write(piece->accompaniment, batch.accompaniment);
    batch.names.insert(piece->name);
  }
  return batch;
}

}  // namespace svsep
