// Rounding a matrix to integers with a scale per group, each group for itself.
#pragma once

#include <cstdint>
#include <span>

#include "formats/base/status.h"
#include "formats/elm/quantised_tiles.h"
#include "formats/elm/weight_type.h"

namespace elm {

// How a group's scale is found.
enum class ScaleSearch {
  kNearest,  // the largest magnitude meets the end of the range
  kError,    // the one of several around that which leaves the least squared error
};

// Rounds one group: fills `codes` and returns the scale (f16). `values` are finite. All zeros give
// scale 0.
uint16_t QuantiseGroup(WeightType type, ScaleSearch search, std::span<const float> values,
                       std::span<int8_t> codes);

// Rounds every group of a row-major matrix [rows, columns]. Fails, naming the element, on values
// that are not finite or whose scale f16 cannot hold.
Result<QuantisedMatrix> QuantiseMatrix(WeightType type, ScaleSearch search, uint32_t group,
                                       uint64_t rows, uint64_t columns,
                                       std::span<const float> values);

}  // namespace elm
