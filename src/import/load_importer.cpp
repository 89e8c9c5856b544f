#include "import/load_importer.hpp"

#include "core/open_module.hpp"

namespace svsep {

void import_model_by_module(const ImportOptions& options) {
  using Entry = void (*)(const ImportOptions&);
  reinterpret_cast<Entry>(open_module("svsep_import.so", "svsep_import_model", "the import module"))(options);
}

}  // namespace svsep
