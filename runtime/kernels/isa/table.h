// The table of one instruction set.
#pragma once

#include "runtime/kernels/isa/attention.h"
#include "runtime/kernels/isa/elementwise.h"
#include "runtime/kernels/isa/probe.h"
#include "runtime/kernels/isa/product.h"
#include "runtime/kernels/kernels.h"

namespace elm {

template <typename Isa>
constexpr KernelTable MakeKernelTable() {
  return {.name = Isa::kName,
          .description = Isa::kDescription,
          .bf16_products = Isa::kBf16Products,
          .block_tokens = Isa::kBlockTokens,
          .product = Multiply<Isa>,
          .pack_floats = PackFloats<Isa>,
          .pack_bf16 = PackBf16<Isa>,
          .quantise = Quantise<Isa>,
          .rms_norm = RmsNormRow<Isa>,
          .swiglu = SwiGluRow<Isa>,
          .add_relu = AddReluRow<Isa>,
          .no_norm = NoNormRow<Isa>,
          .layer_norm = LayerNormRow<Isa>,
          .rope = RotateHead<Isa>,
          .store_kv = {StoreKv<Isa, uint16_t>, StoreKv<Isa, float>, StoreKv<Isa, int8_t>},
          .attend = {Attend<Isa, uint16_t>, Attend<Isa, float>, Attend<Isa, int8_t>},
          .probe_products = ProbeProducts<Isa>,
          .probe_read = ProbeRead<Isa>};
}

// Defined in the file of that instruction set, where the build has it.
extern const KernelTable kScalarKernels;
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx512Kernels;
extern const KernelTable kNeonKernels;
extern const KernelTable kDotprodKernels;
extern const KernelTable kI8mmKernels;

}  // namespace elm
