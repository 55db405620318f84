#include "formats/elm/quantise.h"

#include <algorithm>
#include <cmath>

namespace elm {
namespace {

// Candidates on each side of the scale that meets the range's end, and how far apart they lie.
constexpr int kCandidates = 10;
constexpr float kStep = 0.02F;

// The scale that makes `extreme` the code `end`, as f16 rounds it.
float ScaleFor(float extreme, float end) { return F16ToFloat(FloatToF16(extreme / end)); }

// Rounds to the codes of `scale`.
void Round(WeightType type, float scale, std::span<const float> values, std::span<int8_t> codes) {
  const float inverse = scale == 0 ? 0 : 1 / scale;
  const auto least = static_cast<float>(LeastCode(type));
  const auto greatest = static_cast<float>(GreatestCode(type));
  for (size_t i = 0; i < values.size(); ++i) {
    const float code = std::clamp(std::nearbyint(values[i] * inverse), least, greatest);
    codes[i] = static_cast<int8_t>(code);
  }
}

// The scale that fits given codes best: d/ds sum (v - s c)^2 = 0.
float BestScale(std::span<const float> values, std::span<const int8_t> codes, float otherwise) {
  double dot = 0;
  double squares = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    dot += double{values[i]} * codes[i];
    squares += double{static_cast<float>(codes[i])} * codes[i];
  }
  if (squares == 0) return otherwise;
  return F16ToFloat(FloatToF16(static_cast<float>(dot / squares)));
}

double SquaredError(float scale, std::span<const float> values, std::span<const int8_t> codes) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double error = values[i] - scale * static_cast<float>(codes[i]);
    sum += error * error;
  }
  return sum;
}

}  // namespace

uint16_t QuantiseGroup(WeightType type, ScaleSearch search, std::span<const float> values,
                       std::span<int8_t> codes) {
  const auto extreme = *std::max_element(
      values.begin(), values.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  // The range's longer end takes the extreme value, whatever its sign: a scale may be negative.
  const auto end = static_cast<float>(LeastCode(type));
  float best = ScaleFor(extreme, end);
  Round(type, best, values, codes);
  if (search == ScaleSearch::kNearest) return FloatToF16(best);

  double least = SquaredError(best, values, codes);
  std::vector<int8_t> tried(values.size());
  for (int candidate = -kCandidates; candidate <= kCandidates; ++candidate) {
    for (const float sign : {1.0F, -1.0F}) {
      const float stretched = end * (1 + kStep * static_cast<float>(candidate));
      float scale = ScaleFor(extreme * sign, stretched);
      Round(type, scale, values, tried);
      scale = BestScale(values, tried, scale);
      const double error = SquaredError(scale, values, tried);
      if (error >= least) continue;
      least = error;
      best = scale;
      std::copy(tried.begin(), tried.end(), codes.begin());
    }
  }
  return FloatToF16(best);
}

Result<QuantisedMatrix> QuantiseMatrix(WeightType type, ScaleSearch search, uint32_t group,
                                       uint64_t rows, uint64_t columns,
                                       std::span<const float> values) {
  QuantisedMatrix matrix{.rows = rows,
                         .columns = columns,
                         .group = group,
                         .codes = std::vector<int8_t>(rows * columns),
                         .scales = {}};
  matrix.scales.reserve(rows * matrix.groups());
  for (uint64_t row = 0; row < rows; ++row) {
    for (uint64_t first = 0; first < columns; first += group) {
      const uint64_t at = row * columns + first;
      const auto members = values.subspan(at, std::min<uint64_t>(group, columns - first));
      for (size_t i = 0; i < members.size(); ++i) {
        constexpr float kLargestF16 = 65504;
        if (std::fabs(members[i]) <= kLargestF16 * static_cast<float>(-LeastCode(type))) continue;
        return InvalidArgument("row ", row, ", column ", first + i, " is ", members[i], ", which ",
                               WeightTypeName(type), " cannot hold as a finite number");
      }
      matrix.scales.push_back(QuantiseGroup(type, search, members,
                                            std::span(matrix.codes).subspan(at, members.size())));
    }
  }
  return matrix;
}

}  // namespace elm
