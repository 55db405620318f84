// A device beside the processor, for tests that code which is meant for GPUs keeps its tensors
// together: a real GPU where LibTorch sees one, else a stand-in that refuses what CUDA refuses.
#pragma once

#include "toolchain/base/libtorch.h"

namespace elm {

// The stand-in computes what LibTorch computes on the processor, so that results are the same bits.
// It throws c10::Error where CUDA does: when an operation gets tensors of both devices (numbers of
// no dimension and indices of elements excepted), a generator of the processor, a product of whole
// numbers, or when deterministic mode has no such operation. Its memory is at addresses that end
// the program when anything but an operation reads them.
torch::Device SecondDevice();

// How far its results may lie from the processor's, relative to the largest.
double SecondDeviceTolerance();

}  // namespace elm
