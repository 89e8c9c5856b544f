#include "media/pipe.hpp"

#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace svsep::ffmpeg {
namespace {

constexpr int kBufferBytes = 1 << 16;
/// An MP4's index lies in the head; this is that of a day of audio.
constexpr std::size_t kMaxHeadBytes = std::size_t{32} << 20;
constexpr int kPollMs = 200;

/// Waits until the descriptor can be read or written; AVERROR_EXIT where a stop was asked for.
int wait_for(int descriptor, short event) {
  for (;;) {
    if (cancellation_signal() != 0) return AVERROR_EXIT;
    pollfd one = {descriptor, event, 0};
    const int ready = ::poll(&one, 1, kPollMs);
    if (ready > 0) return 0;
    if (ready < 0 && errno != EINTR) return AVERROR(errno);
  }
}

/// Newer versions of FFmpeg promise not to write to the bytes.
#if LIBAVFORMAT_VERSION_MAJOR >= 61
using OutputBytes = const std::uint8_t*;
#else
using OutputBytes = std::uint8_t*;
#endif

int write_stdout(void* /*unused*/, OutputBytes bytes, int size) {
  for (int done = 0; done < size;) {
    const int code = wait_for(STDOUT_FILENO, POLLOUT);
    if (code < 0) return code;
    // A pipe that can be written to has room for this much at least, so that the call does not block.
    const auto count = std::min(static_cast<std::size_t>(size - done), std::size_t{PIPE_BUF});
    const ssize_t written = ::write(STDOUT_FILENO, bytes + done, count);
    if (written >= 0) {
      done += static_cast<int>(written);
    } else if (errno != EINTR && errno != EAGAIN) {
      return AVERROR(errno);
    }
  }
  return size;
}

}  // namespace

bool is_pipe(const std::filesystem::path& path) {
  struct stat status = {};
  if (path == "-") {
    return ::fstat(STDIN_FILENO, &status) != 0 || !S_ISREG(status.st_mode) ||
           ::lseek(STDIN_FILENO, 0, SEEK_CUR) != 0;
  }
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

PipeInput::PipeInput(const std::filesystem::path& path) {
  if (path == "-") {
    descriptor_ = STDIN_FILENO;
    return;
  }
  // Not blocking, so that the wait for who writes to a named pipe is ours.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor_ < 0) {
    throw Error(ErrorKind::input, "cannot decode: " + path.string() + ": " + std::strerror(errno));
  }
  owns_descriptor_ = true;
}

PipeInput::PipeInput(std::string bytes) : keeps_head_(false), head_(std::move(bytes)) {}

PipeInput::~PipeInput() {
  if (owns_descriptor_) ::close(descriptor_);
}

int PipeInput::read(void* self, std::uint8_t* to, int size) {
  auto& pipe = *static_cast<PipeInput*>(self);
  const auto most = static_cast<std::size_t>(size);
  if (pipe.descriptor_ < 0) {
    const std::size_t count = std::min(most, pipe.head_.size() - pipe.given_);
    pipe.head_.copy(reinterpret_cast<char*>(to), count, pipe.given_);
    pipe.given_ += count;
    return count == 0 ? AVERROR_EOF : static_cast<int>(count);
  }
  for (;;) {
    const int code = wait_for(pipe.descriptor_, POLLIN);
    if (code < 0) return code;
    const ssize_t count = ::read(pipe.descriptor_, to, most);
    if (count == 0) return AVERROR_EOF;
    if (count > 0) {
      if (pipe.keeps_head_ && pipe.head_.size() < kMaxHeadBytes) {
        pipe.head_.append(reinterpret_cast<const char*>(to), static_cast<std::size_t>(count));
      }
      return static_cast<int>(count);
    }
    if (errno != EINTR && errno != EAGAIN) return AVERROR(errno);
  }
}

namespace {

/// Says that the size is not known. An error would do that too, but the MP3 reader takes it for a size that
/// belies the length in the file's header.
std::int64_t seek_pipe(void* /*unused*/, std::int64_t /*unused*/, int whence) {
  return whence == AVSEEK_SIZE ? 0 : AVERROR(ESPIPE);
}

}  // namespace

AVIOContext* open_pipe(std::unique_ptr<PipeInput> pipe) {
  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  AVIOContext* context = buffer == nullptr ? nullptr
                                           : avio_alloc_context(buffer, kBufferBytes, 0, pipe.get(),
                                                                PipeInput::read, nullptr, seek_pipe);
  if (context == nullptr) {
    av_free(buffer);
    throw std::bad_alloc();
  }
  context->seekable = 0;
  static_cast<void>(pipe.release());
  return context;
}

bool is_pipe(const AVIOContext& context) { return context.read_packet == PipeInput::read; }

void close_input_bytes(AVIOContext* context) noexcept {
  if (!is_pipe(*context)) {
    avio_close(context);
    return;
  }
  const std::unique_ptr<PipeInput> pipe(static_cast<PipeInput*>(context->opaque));
  av_freep(&context->buffer);
  avio_context_free(&context);
}

AVIOContext* open_stdout() {
  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  AVIOContext* context = buffer == nullptr ? nullptr
                                           : avio_alloc_context(buffer, kBufferBytes, 1, nullptr, nullptr,
                                                                write_stdout, nullptr);
  if (context == nullptr) {
    av_free(buffer);
    throw std::bad_alloc();
  }
  context->seekable = 0;
  return context;
}

}  // namespace svsep::ffmpeg
