#include "media/image_file.hpp"

#include "core/atomic_file.hpp"
#include "media/ffmpeg.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cassert>
#include <string>

namespace svsep {

std::string png_bytes(const Image& image) {
  assert(image.rgb.size() == 3 * image.width * image.height);
  const auto check = [&](int code) {
    if (code >= 0) return;
    throw Error(ErrorKind::runtime, "cannot encode a picture as PNG: " + ffmpeg::error_text(code));
  };
  const AVCodec* encoder = avcodec_find_encoder(AV_CODEC_ID_PNG);
  if (encoder == nullptr) check(AVERROR_ENCODER_NOT_FOUND);
  const auto codec = ffmpeg::allocated<ffmpeg::CodecPtr>(avcodec_alloc_context3(encoder));
  codec->width = static_cast<int>(image.width);
  codec->height = static_cast<int>(image.height);
  codec->pix_fmt = AV_PIX_FMT_RGB24;
  codec->time_base = {1, 1};  // a single picture, but the encoder wants one
  check(avcodec_open2(codec.get(), encoder, nullptr));

  const auto frame = ffmpeg::allocated<ffmpeg::FramePtr>(av_frame_alloc());
  frame->format = codec->pix_fmt;
  frame->width = codec->width;
  frame->height = codec->height;
  check(av_frame_get_buffer(frame.get(), 0));
  const std::size_t row_bytes = 3 * image.width;
  for (std::size_t row = 0; row < image.height; ++row) {
    std::copy_n(image.rgb.data() + row * row_bytes, row_bytes,
                frame->data[0] + static_cast<std::ptrdiff_t>(row) * frame->linesize[0]);
  }

  const auto packet = ffmpeg::allocated<ffmpeg::PacketPtr>(av_packet_alloc());
  check(avcodec_send_frame(codec.get(), frame.get()));
  check(avcodec_send_frame(codec.get(), nullptr));
  check(avcodec_receive_packet(codec.get(), packet.get()));  // a PNG is one packet
  return {reinterpret_cast<const char*>(packet->data), static_cast<std::size_t>(packet->size)};
}

void write_png(const std::filesystem::path& path, const Image& image) { write_file(path, png_bytes(image)); }

}  // namespace svsep
