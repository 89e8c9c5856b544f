#pragma once

/// What decoder and encoder share of FFmpeg's C API: one owner type for each handle, and error texts. Private
/// to media/.

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
}

#include "svsep/tags.hpp"

#include <array>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <vector>

#if LIBAVUTIL_VERSION_INT < AV_VERSION_INT(57, 28, 100)
#error "svsep needs FFmpeg 5.1 or later (AVChannelLayout)"
#endif

namespace svsep::ffmpeg {

/// Deleter for the handles that FFmpeg frees through their address.
template <auto Free>
struct FreeByAddress {
  template <class T>
  void operator()(T* handle) const noexcept {
    Free(&handle);
  }
};

/// With the AVIOContext that it reads (see pipe.hpp).
struct FreeInput {
  void operator()(AVFormatContext* context) const noexcept;
};
struct FreeOutput {
  void operator()(AVFormatContext* context) const noexcept;
};

using InputPtr = std::unique_ptr<AVFormatContext, FreeInput>;
using OutputPtr = std::unique_ptr<AVFormatContext, FreeOutput>;
using CodecPtr = std::unique_ptr<AVCodecContext, FreeByAddress<avcodec_free_context>>;
using PacketPtr = std::unique_ptr<AVPacket, FreeByAddress<av_packet_free>>;
using FramePtr = std::unique_ptr<AVFrame, FreeByAddress<av_frame_free>>;
using ConverterPtr = std::unique_ptr<SwrContext, FreeByAddress<swr_free>>;

/// FFmpeg's or the system's words for a negative return code.
inline std::string error_text(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(code, text.data(), text.size());
  return text.data();
}

/// The handle, or std::bad_alloc: FFmpeg's allocators fail for no other reason.
template <class Owner>
Owner allocated(typename Owner::pointer handle) {
  if (handle == nullptr) throw std::bad_alloc();
  return Owner(handle);
}

/// FFmpeg allocates what some files claim, such as gigabytes for a title. The index of an MP4 of two days
/// fits.
constexpr std::size_t kMostBlockBytes = std::size_t{256} << 20;

/// FFmpeg must not write to stderr (what matters becomes an Error or a count) nor allocate without bounds.
inline void set_up() {
  [[maybe_unused]] static const bool once =
      (av_log_set_level(AV_LOG_QUIET), av_max_alloc(kMostBlockBytes), true);
}

/// The name as FFmpeg must see it, so that "a:b.wav" is no protocol and "-x.wav" no option.
inline std::string file_url(const std::filesystem::path& path) { return "file:" + path.string(); }

/// Opens a media file ("-": standard input) and reads its header only. Throws Error(input).
InputPtr open_input(const std::filesystem::path& path);

/// The same MP4 with its media shown whole, as if it had no edit list. Throws Error(input).
InputPtr open_unedited(const std::filesystem::path& path, const AVFormatContext& input);

/// The audio streams in file order.
std::vector<AVStream*> audio_streams(const AVFormatContext& input);

/// Needs avformat_find_stream_info first. `path` is for a warning.
Tags tags_of(const std::filesystem::path& path, const AVFormatContext& input);

}  // namespace svsep::ffmpeg
