#pragma once

namespace svsep {

/// What the kernels are compiled for, see for_each_target.inc.
enum class InstructionSet { any, avx2, avx512 };

/// The best that this processor has, but none above the environment variable SVSEP_MAX_CPU_ISA where it is
/// ANY or AVX2: for tests and benchmarks, as ONEDNN_MAX_CPU_ISA.
[[nodiscard]] InstructionSet instruction_set();

}  // namespace svsep
