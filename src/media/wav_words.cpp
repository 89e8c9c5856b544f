#include "media/wav_words.hpp"

#include "media/pipe.hpp"

#include <array>
#include <fstream>
#include <string>
#include <string_view>

namespace svsep::ffmpeg {
namespace {

constexpr std::size_t kHeadBytes = 65536;

/// Integer PCM in words of so many bytes.
AVCodecID integers_of(int bytes) {
  constexpr std::array kCodecs = {AV_CODEC_ID_NONE, AV_CODEC_ID_PCM_U8, AV_CODEC_ID_PCM_S16LE,
                                  AV_CODEC_ID_PCM_S24LE, AV_CODEC_ID_PCM_S32LE};
  return bytes >= 1 && bytes <= 4 ? kCodecs[static_cast<std::size_t>(bytes)] : AV_CODEC_ID_NONE;
}

std::string head_of(const std::filesystem::path& path, const AVFormatContext& input) {
  if (input.pb != nullptr && is_pipe(*input.pb)) {
    return static_cast<const PipeInput*>(input.pb->opaque)->head().substr(0, kHeadBytes);
  }
  std::ifstream file(path == "-" ? "/dev/stdin" : path, std::ios::binary);
  std::string head(kHeadBytes, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  return head;
}

/// Whether the format chunk is WAVE_FORMAT_EXTENSIBLE with the subformat of integers.
bool is_extensible_pcm(std::string_view head) {
  constexpr std::size_t kSubformatAt = 8 + 24;
  using namespace std::string_view_literals;
  const std::size_t chunk = head.find("fmt ");
  return chunk != std::string_view::npos && head.size() >= chunk + kSubformatAt + 2 &&
         head.substr(chunk + 8, 2) == "\xfe\xff"sv && head.substr(chunk + kSubformatAt, 2) == "\x01\x00"sv;
}

}  // namespace

void correct_word_size(const std::filesystem::path& path, const AVFormatContext& input, AVStream& stream) {
  const std::string_view container = input.iformat->name;
  AVCodecParameters& form = *stream.codecpar;
  const int channels = form.ch_layout.nb_channels;
  if ((container != "wav" && container != "w64") || channels <= 0 || form.block_align % channels != 0) return;
  const AVCodecID integers = integers_of(form.block_align / channels);
  const int bits = av_get_exact_bits_per_sample(form.codec_id);
  const bool is_integer = form.codec_id == AV_CODEC_ID_PCM_U8 || form.codec_id == AV_CODEC_ID_PCM_S16LE ||
                          form.codec_id == AV_CODEC_ID_PCM_S24LE || form.codec_id == AV_CODEC_ID_PCM_S32LE;
  const bool is_short = is_integer && bits * channels != 8 * form.block_align;
  const bool is_guess = form.codec_id == AV_CODEC_ID_PCM_F24LE || form.codec_id == AV_CODEC_ID_PCM_F16LE;
  if (integers == AV_CODEC_ID_NONE || (!is_short && !is_guess)) return;
  if (!is_extensible_pcm(head_of(path, input))) return;
  if (is_short && stream.duration > 0)
    stream.duration = av_rescale(stream.duration, bits * channels, 8 * form.block_align);
  form.codec_id = integers;
  form.bits_per_coded_sample = 8 * form.block_align / channels;
}

}  // namespace svsep::ffmpeg
