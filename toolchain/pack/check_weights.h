// Are a bundle's weights those of the checkpoint, as far as their types can hold them?
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "formats/checkpoint/checkpoint.h"
#include "formats/elm/bundle.h"
#include "formats/workspace/plan_file.h"

namespace elm {

// What storing changed, over all matrices of one type.
struct StoredError {
  WeightType type;
  double relative = 0;        // |stored - original| / |original| of all of them together
  double worst_relative = 0;  // of the worst matrix
};

// Compares all tensors. f32 must be exact, f16 and bf16 within half a unit of the last place. Of a
// quantised matrix |stored - original| / |original| must stay within RoundingBound(), and within
// four times that in each group whose weights are not small beside the matrix's. Throws elm::Error
// that names the first tensor, row and column that differ by more.
std::vector<StoredError> CheckWeights(
    const Checkpoint& checkpoint, const ElasticPlan& plan, const Bundle& bundle,
    const std::function<void(size_t done, size_t total)>& progress = {});

// Weights of a normal distribution lose about 10 % (q4) and 0.6 % (q8) of their norm when they are
// rounded to nearest in groups of 32, twice as much when errors make up for each other.
double RoundingBound(WeightType type);

}  // namespace elm
