#include "media/ffmpeg_library.hpp"

#include <cstddef>

extern "C" {
#include <libavutil/avutil.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
}

namespace svsep {

std::string ffmpeg_version() { return av_version_info(); }

void restrain_ffmpeg() {
  constexpr std::size_t kMaxBlockBytes = std::size_t{256} << 20;
  av_log_set_level(AV_LOG_QUIET);
  av_max_alloc(kMaxBlockBytes);
}

}  // namespace svsep
