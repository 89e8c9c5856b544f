#include "import/import_model.hpp"

/// The module's only entry.
extern "C" void svsep_import_model(const svsep::ImportOptions& options) { svsep::import_model(options); }
