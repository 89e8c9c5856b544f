#include "import/family.hpp"

namespace svsep {
namespace {

bool recognises(const Checkpoint& /*checkpoint*/) { return false; }  // not written yet

ImportPlan describe(std::span<const Checkpoint> /*checkpoints*/, const ValueTree& /*config*/) { return {}; }

}  // namespace

const Family kOpenUnmixFamily = {"open-unmix", "Open-Unmix", recognises, describe};

}  // namespace svsep
