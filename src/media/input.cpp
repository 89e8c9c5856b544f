#include "media/input.hpp"

#include "media/pipe.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <cerrno>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <utility>

namespace svsep::ffmpeg {
namespace {

/// Why a file does not open, where FFmpeg's words would not help.
std::string opening_error(int code) {
  if (code != AVERROR_INVALIDDATA && code != AVERROR(EINVAL)) return error_text(code);
  return "is not a media file that FFmpeg knows, or lacks its index (an MP4's moov)";
}

/// Opens the file, or what `pipe` gives.
InputPtr open(const std::filesystem::path& path, std::unique_ptr<PipeInput> pipe, bool ignore_edit_list) {
  const std::string url = pipe ? "" : file_url(path == "-" ? "/dev/stdin" : path);
  AVIOContext* bytes = nullptr;
  int code = 0;
  if (pipe) {
    bytes = open_pipe(std::move(pipe));
  } else {
    code = avio_open(&bytes, url.c_str(), AVIO_FLAG_READ);
  }
  if (code < 0) fail_to_decode(path, error_text(code));
  AVFormatContext* context = avformat_alloc_context();
  if (context != nullptr) {
    context->pb = bytes;
    // A playlist must not make us read other files, or addresses.
    av_opt_set(context, "protocol_whitelist", "none", 0);
  }
  AVDictionary* options = nullptr;
  if (ignore_edit_list) av_dict_set(&options, "ignore_editlist", "1", 0);
  code = context == nullptr ? AVERROR(ENOMEM) : avformat_open_input(&context, url.c_str(), nullptr, &options);
  av_dict_free(&options);
  if (code < 0) {  // the context is freed already
    const bool is_empty =
        is_pipe(*bytes) ? avio_tell(bytes) == 0 && avio_feof(bytes) != 0 : avio_size(bytes) == 0;
    close_input_bytes(bytes);
    fail_to_decode(path, is_empty ? "is empty; expected an audio file" : opening_error(code));
  }
  return InputPtr(context);
}

/// Whether an MP4 that begins like this has its media before its index.
bool has_media_first(std::string_view head) {
  while (head.size() >= 8) {
    std::uint64_t size = 0;
    for (int i = 0; i < 4; ++i)
      size = size << 8U | static_cast<unsigned char>(head[static_cast<std::size_t>(i)]);
    const std::string_view type = head.substr(4, 4);
    if (type == "mdat" || type == "moov") return type == "mdat";
    if (size < 8 || size > head.size()) return false;
    head.remove_prefix(size);
  }
  return false;
}

}  // namespace

void FreeInput::operator()(AVFormatContext* context) const noexcept {
  AVIOContext* bytes = context->pb;
  avformat_close_input(&context);
  close_input_bytes(bytes);
}

void fail_to_decode(const std::filesystem::path& path, const std::string& reason) {
  throw_if_cancelled();  // a stop makes reading from a pipe fail
  const std::string name = path == "-" ? "standard input" : path.string();
  throw Error(ErrorKind::input, "cannot decode: " + name + ": " + reason);
}

InputPtr open_input(const std::filesystem::path& path) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) fail_to_decode(path, "is a folder; expected an audio file");
  if (!is_pipe(path)) return open(path, nullptr, false);
  auto owned = std::make_unique<PipeInput>(path);
  PipeInput& pipe = *owned;
  InputPtr input = open(path, std::move(owned), false);
  pipe.keep_no_more();
  if (is_mp4(*input) && has_media_first(pipe.head())) {
    fail_to_decode(
        path,
        "the index of this MP4 (moov) is at its end, where a pipe does not reach it in time; expected "
        "one with its index in front (ffmpeg -movflags +faststart), or a file");
  }
  return input;
}

InputPtr open_unedited(const std::filesystem::path& path, const AVFormatContext& input) {
  if (!is_pipe(*input.pb)) return open(path, nullptr, true);
  const auto& pipe = *static_cast<const PipeInput*>(input.pb->opaque);
  return open(path, std::make_unique<PipeInput>(pipe.head()), true);
}

void find_stream_info(const std::filesystem::path& path, AVFormatContext& input) {
  const int code = avformat_find_stream_info(&input, nullptr);
  if (code == AVERROR(ENOMEM)) fail_to_decode(path, error_text(code));
  require_readable(path, input);
}

void require_readable(const std::filesystem::path& path, const AVFormatContext& input) {
  if (input.pb != nullptr && input.pb->error < 0) fail_to_decode(path, error_text(input.pb->error));
}

bool is_mp4(const AVFormatContext& input) {
  return std::string_view(input.iformat->name).starts_with("mov,");
}

std::vector<AVStream*> audio_streams(const AVFormatContext& input) {
  std::vector<AVStream*> streams;
  for (unsigned i = 0; i < input.nb_streams; ++i) {
    if (input.streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO) streams.push_back(input.streams[i]);
  }
  return streams;
}

std::vector<AVStream*> require_audio_streams(const std::filesystem::path& path,
                                             const AVFormatContext& input) {
  auto streams = audio_streams(input);
  if (streams.empty()) fail_to_decode(path, "holds no audio stream");
  return streams;
}

std::optional<double> duration_s(const AVFormatContext& input, const AVStream& stream) {
  if (stream.duration > 0) return static_cast<double>(stream.duration) * av_q2d(stream.time_base);
  if (input.duration > 0) return static_cast<double>(input.duration) / AV_TIME_BASE;
  return std::nullopt;
}

}  // namespace svsep::ffmpeg
