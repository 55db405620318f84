// Rounding a matrix so that what it computes changes least, not its elements.
//
// With X the inputs that calibration text brings, the error that matters is |(W - Q) X|^2: the sum
// over rows of (w - q) H (w - q)^T with H = X X^T, the second moment of the inputs. GPTQ (Frantar
// et al., 2023) rounds one column after the other and moves each one's error into those still to
// come, here those with the largest moments first; then coordinate descent improves scales and
// codes one by one.
//
// A level keeps a prefix of the columns of o and down. Its error is the same form over its own
// inputs, padded with zeros, so the sum of all levels' moments weighs an error that only cancels at
// higher levels for what it costs at lower ones: columns need not be kept apart by levels.
#pragma once

#include <cstdint>

#include "formats/elm/quantised_tiles.h"
#include "formats/elm/weight_type.h"
#include "toolchain/base/libtorch.h"

namespace elm {

struct CalibratedRoundingOptions {
  // Added to the moment's diagonal, as a share of its mean: how little to trust that other text
  // brings the same inputs.
  double damping = 0.03;
  int passes = 6;  // of coordinate descent
};

// `weight` [rows, columns] and `moment` [columns, columns], symmetric and positive semidefinite:
// float32 on the CPU, finite. Uses LibTorch's threads; the result does not depend on their number.
QuantisedMatrix RoundCalibrated(WeightType type, uint32_t group, const torch::Tensor& weight,
                                const torch::Tensor& moment,
                                const CalibratedRoundingOptions& options = {});

// What it makes small: the sum over rows of (w - q) H (w - q)^T.
double CalibratedError(const QuantisedMatrix& matrix, const torch::Tensor& weight,
                       const torch::Tensor& moment);

}  // namespace elm
