#pragma once

namespace svsep {

/// What to do where a file of that name exists when the new one is complete.
enum class ExistingFile {
  replace,
  keep,  ///< the new one is an error then
};

}  // namespace svsep
