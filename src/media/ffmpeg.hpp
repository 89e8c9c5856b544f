#pragma once

/// What media/ shares of FFmpeg's C API: one owner type for each handle, and error texts. Private to media/.

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
}

#include <array>
#include <filesystem>
#include <memory>
#include <new>
#include <string>

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

/// Options and metadata for libavformat. Setting fails for want of memory only.
class Dictionary {
 public:
  Dictionary() = default;
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;
  ~Dictionary() { av_dict_free(&entries_); }
  void set(const char* key, const std::string& value) { set(entries_, key, value); }
  AVDictionary** address() { return &entries_; }

  static void set(AVDictionary*& entries, const std::string& key, const std::string& value) {
    if (av_dict_set(&entries, key.c_str(), value.c_str(), 0) < 0) throw std::bad_alloc();
  }

 private:
  AVDictionary* entries_ = nullptr;
};

/// The name as FFmpeg must see it, so that "a:b.wav" is no protocol and "-x.wav" no option.
inline std::string file_url(const std::filesystem::path& path) { return "file:" + path.string(); }

}  // namespace svsep::ffmpeg
