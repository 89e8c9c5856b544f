#pragma once

#include "song/separate_song.hpp"

#include <filesystem>
#include <string>

namespace svsep::cli {

enum class Status { done, skipped, failed };

/// How a song ended.
struct SongResult {
  Status status = Status::done;
  SongReport report;  ///< of one that is done
  std::string error;  ///< of one that failed
};

/// The line of --json for a song that ended.
[[nodiscard]] std::string result_line(const Job& job, const SongResult& result, const std::string& device,
                                      const std::string& model);

/// The line of --json for what is no song but failed, such as a folder.
[[nodiscard]] std::string failure_line(const std::filesystem::path& path, const std::string& error);

/// The lines of --json-progress: a song starts, and `fraction` of it is done.
[[nodiscard]] std::string start_line(const Job& job);
[[nodiscard]] std::string progress_line(const Job& job, double fraction);

}  // namespace svsep::cli
