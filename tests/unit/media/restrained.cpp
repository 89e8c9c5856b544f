/// As the program does at its start: hostile files are part of these tests.
#include "media/ffmpeg_library.hpp"

namespace {

[[maybe_unused]] const bool restrained = (svsep::restrain_ffmpeg(), true);

}  // namespace
