#pragma once

#include "media/ffmpeg.hpp"

#include <filesystem>
#include <string>

namespace svsep::ffmpeg {

/// Whether `path` ("-" is standard input) can only be read on and on.
bool is_pipe(const std::filesystem::path& path);

/// A pipe for libavformat. A stop (core/cancellation) ends a wait for it with AVERROR_EXIT.
class PipeInput {
 public:
  /// Throws Error(input).
  explicit PipeInput(const std::filesystem::path& path);
  /// Reads these bytes, then ends.
  explicit PipeInput(std::string bytes);
  ~PipeInput();
  PipeInput(const PipeInput&) = delete;
  PipeInput& operator=(const PipeInput&) = delete;

  /// AVIOContext's callback.
  static int read(void* self, std::uint8_t* to, int size);

  /// What was read so far, up to a limit, until no more of it is kept.
  [[nodiscard]] const std::string& head() const noexcept { return head_; }
  void keep_no_more() noexcept { keeps_head_ = false; }

 private:
  int descriptor_ = -1;
  bool owns_descriptor_ = false;
  bool keeps_head_ = true;
  std::string head_;
  std::size_t given_ = 0;  // of head_, where there is no descriptor
};

/// An AVIOContext that reads `pipe`. Takes `pipe` over; close_input_bytes frees both.
AVIOContext* open_pipe(std::unique_ptr<PipeInput> pipe);
/// Whether open_pipe made it.
bool is_pipe(const AVIOContext& context);
/// Of open_pipe or avio_open.
void close_input_bytes(AVIOContext* context) noexcept;

/// An AVIOContext on standard output, not seekable; a stop ends a wait for the reader with AVERROR_EXIT.
AVIOContext* open_stdout();

}  // namespace svsep::ffmpeg
