#include "training/learner.hpp"

#include "core/log.hpp"
#include "core/rng.hpp"
#include "network/device.hpp"
#include "network/layers/dropout.hpp"
#include "svsep/error.hpp"
#include "training/autocast.hpp"
#include "training/torch_stft.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <utility>

namespace svsep {
namespace {

constexpr double kLevelErrorDb = 2.0;       ///< a song's level is that of more seconds than a stretch has
constexpr std::size_t kPendingOnCuda = 50;  ///< steps between two looks at the losses

torch::Tensor binary_accuracy(const torch::Tensor& logits, const torch::Tensor& labels) {
  return logits.detach().gt(0).eq(labels.gt(0.5)).to(torch::kFloat).mean();
}

void copy_state(const std::vector<torch::Tensor>& from, const std::vector<torch::Tensor>& to) {
  const torch::NoGradGuard no_gradients;
  for (std::size_t i = 0; i < to.size(); ++i) {
    TORCH_CHECK(from[i].sizes() == to[i].sizes(), "sizes of the network; expected ", to[i].sizes(), ", got ",
                from[i].sizes());
    to[i].copy_(from[i]);
  }
}

}  // namespace

double learning_rate(const TrainingOptions& options, std::int64_t step) {
  const double warmth = std::min(1.0, static_cast<double>(step + 1) / std::max(1, options.warmup_steps));
  const double total = static_cast<double>(options.epochs) * options.steps_per_epoch;
  const double share = std::min(1.0, static_cast<double>(step) / total);
  return options.learning_rate * warmth *
         (options.cosine ? 0.5 * (1.0 + std::cos(std::numbers::pi * share)) : 1.0);
}

std::int64_t pretraining_steps(const TrainingOptions& options) {
  return options.pretraining == Pretraining::autoencoder ? options.steps_per_epoch : 0;
}

std::vector<torch::Tensor> state_of(const torch::nn::Module& network) {
  std::vector<torch::Tensor> tensors = network.parameters();
  for (const torch::Tensor& buffer : network.buffers()) tensors.push_back(buffer);
  return tensors;
}

Learner::Learner(const TrainingOptions& options, const TrainableNetwork& plan, const NetworkInput& input,
                 const torch::Device& device, Average average)
    : options_(options),
      info_(plan.info),
      input_(input),
      device_(device),
      average_over_ranks_(std::move(average)),
      network_(plan.make()),
      in_bfloat16_(options.amp && (device.is_cuda() || fastest_type(device) == torch::kBFloat16)) {
  if (options.amp && !in_bfloat16_) {
    logger().warn("this processor has no bfloat16, so --amp changes nothing");
  }
  network_->to(device_);
  for (torch::Tensor& parameter : network_->parameters()) {  // convolutions are quicker so
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  }
  if (options.ema_decay > 0) {
    average_ = plan.make();
    average_->to(device_);
    average_->eval();
    copy_state(state_of(*network_), state_of(*average_));
  }
  const double beta2 = options.architecture == kThesisCnn ? 0.999 : 0.98;
  optimiser_.emplace(network_->parameters(), torch::optim::AdamWOptions(options.learning_rate)
                                                 .betas({0.9, beta2})
                                                 .weight_decay(options.weight_decay));
}

void Learner::adopt(const ModelFile& file, const Batch& batch) {
  check_architecture(file, info_.architecture);
  network_->adopt(file);
  {
    const torch::NoGradGuard no_gradients;
    network_->train();
    static_cast<void>(outcome(batch, *network_));
  }
  if (average_) copy_state(state_of(*network_), state_of(*average_));
}

MaskNetwork& Learner::result() {
  MaskNetwork& network = average_ ? *average_ : *network_;
  network.eval();
  return network;
}

std::vector<torch::Tensor> Learner::state() const {
  std::vector<torch::Tensor> tensors = state_of(*network_);
  if (average_) {
    for (const torch::Tensor& tensor : state_of(*average_)) tensors.push_back(tensor);
  }
  return tensors;
}

void Learner::learn(const Batch& batch, Means& means) {
  // So the dropout of a step follows from its number, and nothing of it needs to be stored.
  torch::manual_seed(Rng({options_.seed, static_cast<std::uint64_t>(steps_)})());
  const double rate =
      learning_rate(options_, std::max<std::int64_t>(0, steps_ - pretraining_steps(options_)));
  for (auto& group : optimiser_->param_groups()) {
    static_cast<torch::optim::AdamWOptions&>(group.options()).lr(rate);
  }
  network_->train();
  optimiser_->zero_grad();
  Outcome result = outcome(batch, *network_);
  result.loss.backward();
  clip_gradients();
  optimiser_->step();
  if (average_) update_average();
  add(std::move(result), batch, means);
  ++steps_;
}

void Learner::validate(const Batch& batch, Means& means) {
  const torch::NoGradGuard no_gradients;
  add(outcome(batch, result()), batch, means);
}

Learner::Outcome Learner::outcome(const Batch& batch, MaskNetwork& network) {
  return std::visit([&](const auto& some) { return outcome(some, network); }, batch);
}

Learner::Outcome Learner::outcome(const WindowBatch& batch, MaskNetwork& network) {
  const torch::Tensor labels = to_device(batch.labels).to(torch::kFloat);
  const torch::Tensor masks = logits(input_.standardised(to_device(batch.inputs)), network);
  return {bce_loss(masks, labels), binary_accuracy(masks, labels)};
}

Learner::Outcome Learner::outcome(const StretchBatch& batch, MaskNetwork& network) {
  const StftParameters& parameters = info_.analysis.stft;
  StemSpectra stems{stft(to_device(batch.vocals), parameters),
                    stft(to_device(batch.accompaniment), parameters)};
  const bool reconstruct = pretrains() && network.is_training();
  torch::Tensor level_errors;
  if (network.is_training()) {
    const torch::Tensor level_db = kLevelErrorDb * (2 * uniform_values(stems.vocals.size(0), device_) - 1);
    level_errors = torch::pow(10.0, level_db / 20);
  }
  torch::Tensor input = input_.of_spectra(reconstruct ? stems.vocals : stems.mixture(), level_errors);
  const auto window = static_cast<std::int64_t>(info_.window_frames);
  if (window > 1) {  // the stretch's whole windows
    const std::int64_t frames = input.size(1) / window * window;
    input = input.narrow(1, 0, frames).reshape({-1, window, input.size(2)});
    stems = {stems.vocals.narrow(2, 0, frames), stems.accompaniment.narrow(2, 0, frames)};
  }
  const torch::Tensor masks = logits(input, network).reshape({stems.vocals.size(0), -1, input.size(-1)});
  if (reconstruct) return {reconstruction_loss(masks, rms_magnitudes(stems.vocals)), {}};
  switch (options_.loss) {
    case Loss::l1:
      return {l1_loss(masks.sigmoid(), stems), {}};
    case Loss::waveform:
      return {waveform_loss(masks.sigmoid(), stems, parameters), {}};
    case Loss::bce:
      break;
  }
  const torch::Tensor labels = ideal_mask(stems, options_.label);
  return {bce_loss(masks, labels), binary_accuracy(masks, labels)};
}

torch::Tensor Learner::logits(const torch::Tensor& inputs, MaskNetwork& network) {
  const Autocast autocast(in_bfloat16_, device_);
  return network.forward(inputs).to(torch::kFloat);
}

torch::Tensor Learner::to_device(const torch::Tensor& tensor) const {
  if (device_.is_cpu()) return tensor;
  // Only pinned memory is copied beside the computation.
  return (tensor.is_pinned() ? tensor : tensor.pin_memory()).to(device_, /*non_blocking=*/true);
}

void Learner::add(Outcome outcome, const Batch& batch, Means& means) {
  pending_.push_back({{outcome.loss.detach(), outcome.accuracy},
                      std::visit([](const auto& some) { return some.names; }, batch),
                      steps_});
  if (pending_.size() >= (device_.is_cuda() ? kPendingOnCuda : 1)) settle(means);
}

void Learner::settle(Means& means) {
  if (pending_.empty()) return;
  const bool measured = pending_.front().outcome.accuracy.defined();
  std::vector<torch::Tensor> values;
  for (const Pending& one : pending_) {
    values.push_back(one.outcome.loss);
    values.push_back(measured ? one.outcome.accuracy : torch::zeros_like(one.outcome.loss));
  }
  torch::Tensor together = torch::stack(values);
  if (average_over_ranks_) average_over_ranks_({together});
  together = together.to(torch::kCPU, torch::kDouble);
  const auto* value = together.data_ptr<double>();
  const std::vector<Pending> settled = std::exchange(pending_, {});
  for (const Pending& one : settled) {
    if (!std::isfinite(*value)) {
      throw Error(
          ErrorKind::runtime,
          fmt::format("cannot go on training: the loss after {} steps is not finite; its batch is of: {}",
                      one.steps, fmt::join(one.names, "; ")));
    }
    means.loss_sum += *value++;
    means.accuracy_sum += measured ? *value : std::nan("");
    ++value;
    ++means.batches;
  }
}

void Learner::clip_gradients() {
  std::vector<torch::Tensor> gradients;
  for (const torch::Tensor& parameter : network_->parameters()) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  if (average_over_ranks_) average_over_ranks_(gradients);
  if (options_.clip_norm <= 0) return;
  std::vector<torch::Tensor> norms;  // torch's own clip_grad_norm_ waits for the device
  for (const torch::Tensor& gradient : gradients) norms.push_back(gradient.norm());
  const torch::Tensor gain = (options_.clip_norm / (torch::stack(norms).norm() + 1e-6)).clamp_max(1.0);
  for (torch::Tensor& gradient : gradients) gradient.mul_(gain);
}

void Learner::average_buffers() {
  std::vector<torch::Tensor> buffers;
  for (const torch::Tensor& buffer : result().buffers()) {
    if (buffer.is_floating_point()) buffers.push_back(buffer);
  }
  if (average_over_ranks_ && !buffers.empty()) average_over_ranks_(buffers);
}

void Learner::update_average() {
  const torch::NoGradGuard no_gradients;
  const auto step = static_cast<double>(std::max<std::int64_t>(0, steps_ - pretraining_steps(options_)));
  const double keep =
      std::min(options_.ema_decay, (step + 1) / (step + 12));  // the first weights are soon forgotten
  const std::vector<torch::Tensor> from = state_of(*network_);
  const std::vector<torch::Tensor> to = state_of(*average_);
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (to[i].is_floating_point()) {
      to[i].lerp_(from[i], 1.0 - keep);
    } else {
      to[i].copy_(from[i]);
    }
  }
}

void Learner::save(torch::serialize::OutputArchive& archive) const {
  archive.write("steps", c10::IValue(steps_));
  archive.write("network", c10::IValue(state_of(*network_)));
  if (average_) archive.write("average", c10::IValue(state_of(*average_)));
  torch::serialize::OutputArchive optimiser(archive.compilation_unit());
  optimiser_->save(optimiser);
  archive.write("optimiser", optimiser);
}

void Learner::load(torch::serialize::InputArchive& archive) {
  const auto state = [&](const char* name, const torch::nn::Module& network) {
    c10::IValue value;
    archive.read(name, value);
    const std::vector<torch::Tensor> to = state_of(network);
    TORCH_CHECK(value.isTensorList() && value.toTensorVector().size() == to.size(), "tensors of the ", name);
    copy_state(value.toTensorVector(), to);
  };
  c10::IValue steps;
  archive.read("steps", steps);
  steps_ = steps.toInt();
  state("network", *network_);
  if (average_) state("average", *average_);
  torch::serialize::InputArchive optimiser;
  archive.read("optimiser", optimiser);
  optimiser_->load(optimiser);
}

}  // namespace svsep
