#include "network/layers/instruction_set.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace svsep {
namespace {

InstructionSet best() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    return InstructionSet::avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::avx2;
#endif
  return InstructionSet::any;
}

InstructionSet allowed() {
  const char* const value = std::getenv("SVSEP_MAX_CPU_ISA");
  const std::string_view name = value != nullptr ? value : "";
  return name == "ANY" ? InstructionSet::any : name == "AVX2" ? InstructionSet::avx2 : InstructionSet::avx512;
}

}  // namespace

InstructionSet instruction_set() {
  static const InstructionSet chosen = std::min(best(), allowed());
  return chosen;
}

}  // namespace svsep
