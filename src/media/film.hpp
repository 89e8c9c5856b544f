#pragma once

#include <filesystem>

namespace svsep {

/// Writes `film` with other sound: picture, subtitles, attachments and chapters are copied as they are, its
/// audio streams are left out, and the first audio stream of `audio` takes their place. Sample 0 of `audio`
/// comes where Decoder's time line of the film begins, so that what was separated from the film is in sync.
/// The name of `output` says its container (.mp4, .mkv, .mov, .webm); what the container cannot hold is left
/// out with a warning. Appears under its name when it is complete. Throws Error: input (the film has no
/// picture, or cannot be read), output (the container cannot hold the picture or the audio).
void replace_audio(const std::filesystem::path& film, const std::filesystem::path& audio,
                   const std::filesystem::path& output);

}  // namespace svsep
