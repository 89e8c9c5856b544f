#include "media/frame_converter.hpp"

#include "media/input.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace svsep::ffmpeg {

FrameConverter::FrameConverter(std::filesystem::path path, const AVFrame& first, int rate_hz)
    : path_(std::move(path)), first_(allocated<FramePtr>(av_frame_clone(&first))), rate_hz_(rate_hz) {}

void FrameConverter::push(const AVFrame& frame, AudioBuffer& block) {
  const bool same = converter_ && frame.format == form_->format && frame.sample_rate == form_->sample_rate &&
                    av_channel_layout_compare(&frame.ch_layout, &form_->ch_layout) == 0;
  if (!same) {
    finish(block);
    take_form_of(frame);
  }
  convert(&frame, block);
}

void FrameConverter::finish(AudioBuffer& block) {
  if (converter_) convert(nullptr, block);
  converter_.reset();
}

void FrameConverter::take_form_of(const AVFrame& frame) {
  form_ = allocated<FramePtr>(av_frame_clone(&frame));
  SwrContext* made = nullptr;
  int code = swr_alloc_set_opts2(&made, &first_->ch_layout, AV_SAMPLE_FMT_FLTP, rate_hz_, &form_->ch_layout,
                                 static_cast<AVSampleFormat>(form_->format), form_->sample_rate, 0, nullptr);
  converter_.reset(made);
  if (code >= 0) code = swr_init(made);
  if (code < 0) fail_to_decode(path_, "cannot convert samples: " + error_text(code));
}

/// Appends what `frame` holds, or (null) what the converter holds back, to `block`.
void FrameConverter::convert(const AVFrame* frame, AudioBuffer& block) {
  const std::size_t before = block.samples();
  const int given_samples = frame == nullptr ? 0 : frame->nb_samples;
  const int room = swr_get_out_samples(converter_.get(), given_samples);
  if (room <= 0) return;
  std::vector<std::uint8_t*> planes;
  for (auto& channel : block.channels) {
    channel.resize(before + static_cast<std::size_t>(room));
    planes.push_back(reinterpret_cast<std::uint8_t*>(channel.data() + before));
  }
  const int taken = swr_convert(
      converter_.get(), planes.data(), room,
      frame == nullptr ? nullptr : const_cast<const std::uint8_t**>(frame->extended_data), given_samples);
  if (taken < 0) fail_to_decode(path_, "cannot convert samples: " + error_text(taken));
  for (auto& channel : block.channels) channel.resize(before + static_cast<std::size_t>(taken));
}

}  // namespace svsep::ffmpeg
