#include "backend/backend.hpp"
#include "core/open_module.hpp"

namespace svsep {

Backend& load_backend() {
  using Entry = Backend* (*)();
  static Backend& backend =
      *reinterpret_cast<Entry>(open_module("svsep_torch.so", "svsep_backend", "the network module"))();
  return backend;
}

}  // namespace svsep
