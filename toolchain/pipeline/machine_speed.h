// How fast the machine of a run computes: measured here, or stated for one that is not at hand.
#pragma once

#include <string>

#include "toolchain/pipeline/prepare_options.h"

namespace elm {

struct MachineSpeed {
  // Multiplications with additions, of plain products: in the run's type, and in that of recovery,
  // which takes bfloat16 only where the processor multiplies it.
  double products_per_second = 0;
  double training_products_per_second = 0;
  double bytes_per_second = 0;     // of its memory
  std::string source;              // "measured here: 450 GFLOP/s, 10 GB/s", "stated: ..."
};

// What `--assume-tflops` and `--assume-gbs` say; for a CUDA device that LibTorch does not see and
// of which nothing is said, an A100's (312 TFLOP/s in bfloat16, 19.5 in float32, 2039 GB/s, by its
// data sheet; plain products reach about 0.7 of the former). Else a short measurement of products
// and of reading, some tenths of a second.
MachineSpeed SpeedOf(const PrepareOptions& options);

}  // namespace elm
