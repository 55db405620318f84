#include "runtime/kernels/kernels.h"

#include <cstdlib>
#include <string>

#include "runtime/kernels/isa/table.h"

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace elm {
namespace {

constexpr const char* kForceVariable = "ELM_FORCE_ISA";

#if defined(__x86_64__)
constexpr const KernelTable* kTables[] = {&kAvx512Kernels, &kAvx2Kernels, &kScalarKernels};
#elif defined(__aarch64__)
constexpr const KernelTable* kTables[] = {&kI8mmKernels, &kDotprodKernels, &kNeonKernels,
                                          &kScalarKernels};
#else
constexpr const KernelTable* kTables[] = {&kScalarKernels};
#endif

std::string Names() {
  std::string names;
  for (const KernelTable* kernels : kTables) {
    names += StrCat(names.empty() ? "" : ", ", kernels->name);
  }
  return names;
}

Result<const KernelTable*> Choose() {
  const char* forced = std::getenv(kForceVariable);
  if (forced != nullptr && *forced != '\0') {
    const auto found = FindKernels(forced);
    if (!found.ok()) return found.status().In(kForceVariable);
    return found;
  }
  for (const KernelTable* kernels : kTables) {
    if (IsSupported(*kernels)) return kernels;
  }
  return &kScalarKernels;
}

}  // namespace

std::span<const KernelTable* const> AllKernels() { return kTables; }

bool IsSupported(const KernelTable& kernels) {
#if defined(__x86_64__)
  if (&kernels == &kAvx512Kernels) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
  }
  if (&kernels == &kAvx2Kernels) {
    // Every CPU with AVX2 and FMA converts f16 too.
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  }
#elif defined(__aarch64__) && defined(__linux__)
  if (&kernels == &kDotprodKernels) return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
  if (&kernels == &kI8mmKernels) return (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0;
#elif defined(__aarch64__)
  if (&kernels == &kDotprodKernels || &kernels == &kI8mmKernels) return false;
#endif
  return true;
}

Result<const KernelTable*> FindKernels(std::string_view name) {
  for (const KernelTable* kernels : kTables) {
    if (kernels->name != name) continue;
    if (IsSupported(*kernels)) return kernels;
    return Unsupported("this CPU lacks ", kernels->name, " (", kernels->description,
                       "); `elm info --cpu` lists what it has");
  }
  return InvalidArgument("\"", name, "\" is no instruction set of this build, expected one of ",
                         Names());
}

Result<const KernelTable*> ChooseKernels() {
  static const auto& chosen = *new Result<const KernelTable*>(Choose());
  return chosen;
}

}  // namespace elm
