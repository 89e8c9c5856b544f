#pragma once

// SVSEP_MULTIVERSION before a function: compiled once for any x86-64 and once for those with AVX2 and FMA,
// one of which is taken when the program is loaded. Only where GCC does it and no sanitizer has to be there
// first.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define SVSEP_MULTIVERSION __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define SVSEP_MULTIVERSION
#endif
