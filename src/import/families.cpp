#include "import/family.hpp"

#include <array>

namespace svsep {

std::span<const Family* const> families() {
  static constexpr std::array<const Family*, 6> kFamilies = {&kOpenUnmixFamily,       &kHtDemucsFamily,
                                                             &kMdx23cFamily,          &kBsRoformerFamily,
                                                             &kMelBandRoformerFamily, &kThesisKerasFamily};
  return kFamilies;
}

}  // namespace svsep
