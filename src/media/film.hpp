#pragma once

#include "core/atomic_file.hpp"
#include "svsep/encoder.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace svsep {

/// The extension, without the dot, of a film made from this one: its own where replace_audio can write such a
/// container (mp4, m4v, mov, webm, mkv), otherwise mkv, which holds nearly everything.
[[nodiscard]] std::string film_extension(const std::filesystem::path& film);

/// The format of the audio that replace_audio puts into a film of this extension: what players of the
/// container know and what it places to the sample.
[[nodiscard]] AudioFormat film_audio_format(const std::string& extension);

/// Throws Error(input) where the file has no moving picture, or cannot be read.
void require_picture(const std::filesystem::path& film);

/// Writes `film` with other sound: picture, subtitles, attachments and chapters are copied as they are, its
/// audio streams are left out, and the first audio stream of `audio` takes their place. Sample 0 of `audio`
/// comes where Decoder's time line of the film begins, so that what was separated from the film is in sync.
/// The name of `output` says its container; what the container cannot hold is left out with a warning. The
/// file that is returned is complete, and commit() gives it its name. Throws Error: input (the film has no
/// picture, or cannot be read), output (the container cannot hold the picture or the audio); Cancelled.
[[nodiscard]] std::unique_ptr<AtomicFile> replace_audio(const std::filesystem::path& film,
                                                        const std::filesystem::path& audio,
                                                        const std::filesystem::path& output);

}  // namespace svsep
