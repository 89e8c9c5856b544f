#pragma once

namespace svsep::cli {

/// Of the sources: "1a2b3c4", with "-dirty" where they were changed since; "unknown" outside a git clone.
extern const char* const kRevision;
/// What the module was built for: "1.13.0 (CPU)".
extern const char* const kLibTorch;

}  // namespace svsep::cli
