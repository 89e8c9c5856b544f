#include "network/published/recurrence.hpp"

#include "network/layers/instruction_set.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#define SVSEP_KERNELS "network/published/recurrence.inc"

namespace svsep {
namespace {

constexpr std::int64_t kMaxItems = 4;

struct Kernels {
  void (*run_one)(const Recurrence&);
  void (*run_two)(const Recurrence&);
  void (*run_four)(const Recurrence&);
};

#include "network/layers/for_each_target.inc"

}  // namespace

void run(Recurrence recurrence, std::int64_t items) {
  while (items > 0) {
    const std::int64_t now = items >= kMaxItems ? kMaxItems : std::min<std::int64_t>(items, 2);
    (now == 4 ? kernels().run_four : now == 2 ? kernels().run_two : kernels().run_one)(recurrence);
    recurrence.gates += now * recurrence.frames * 8 * recurrence.hidden;
    recurrence.output += now * recurrence.frames * 2 * recurrence.hidden;
    items -= now;
  }
}

}  // namespace svsep
