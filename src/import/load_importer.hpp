#pragma once

#include "import/import_model.hpp"

namespace svsep {

/// import_model() of the module lib/svsep/svsep_import.so, which is opened for it: the libraries that it
/// needs would slow the start of everything else. Throws Error: runtime (no module), and as import_model().
void import_model_by_module(const ImportOptions& options);

}  // namespace svsep
