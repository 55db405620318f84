#include "toolchain/pack/check_weights.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "formats/model/unit_order.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

constexpr double kGroupSlack = 4;

// |difference| that rounding to the type leaves of one value.
double ElementBound(WeightType type, float value) {
  switch (type) {
    case WeightType::kF16:
      return std::max(std::fabs(value) * 0x1p-11, 0x1p-25);  // subnormals are 2^-24 apart
    case WeightType::kBf16:
      return std::fabs(value) * 0x1p-8;
    default:
      return 0;
  }
}

struct Squares {
  double error = 0;
  double original = 0;

  double relative() const { return original > 0 ? std::sqrt(error / original) : error; }
  void Add(float stored, float value) {
    const double difference = double{stored} - value;
    error += difference * difference;
    original += double{value} * value;
  }
  void Add(const Squares& other) {
    error += other.error;
    original += other.original;
  }
};

[[noreturn]] void Refuse(const BundleTensor& tensor, uint64_t index, double found, double bound) {
  throw Error(FailedCheck(tensor.spec.name, ", row ", index / tensor.spec.columns, ", column ",
                          index % tensor.spec.columns, ": differs from the checkpoint by ", found,
                          ", ", WeightTypeName(tensor.type), " explains at most ", bound));
}

Squares CheckElements(const BundleTensor& tensor, std::span<const float> stored,
                      std::span<const float> original) {
  Squares all;
  for (size_t i = 0; i < stored.size(); ++i) {
    const double difference = std::fabs(double{stored[i]} - original[i]);
    const double bound = ElementBound(tensor.type, original[i]);
    // Written so that a NaN is refused.
    if (!(difference <= bound)) Refuse(tensor, i, difference, bound);
    all.Add(stored[i], original[i]);
  }
  return all;
}

Squares CheckGroups(const BundleTensor& tensor, std::span<const float> stored,
                    std::span<const float> original) {
  const uint64_t columns = tensor.spec.columns;
  Squares all;
  for (size_t i = 0; i < stored.size(); ++i) all.Add(stored[i], original[i]);
  const double bound = RoundingBound(tensor.type);
  if (!(all.relative() <= bound)) Refuse(tensor, 0, all.relative(), bound);
  // Where the weights are small beside the matrix's, what they are bounded by is the matrix's.
  const double typical = all.original / static_cast<double>(stored.size());
  for (uint64_t row = 0; row < tensor.spec.rows; ++row) {
    for (uint64_t first = 0; first < columns; first += tensor.layout.tile_columns) {
      const uint64_t end = std::min<uint64_t>(columns, first + tensor.layout.tile_columns);
      Squares group;
      for (uint64_t k = first; k < end; ++k) {
        group.Add(stored[row * columns + k], original[row * columns + k]);
      }
      group.original = std::max(group.original, typical * static_cast<double>(end - first));
      const double most = kGroupSlack * bound;
      if (!(group.relative() <= most))
        Refuse(tensor, row * columns + first, group.relative(), most);
    }
  }
  return all;
}

}  // namespace

double RoundingBound(WeightType type) { return type == WeightType::kQ4 ? 0.25 : 0.015; }

std::vector<StoredError> CheckWeights(const Checkpoint& checkpoint, const ElasticPlan& plan,
                                      const Bundle& bundle,
                                      const std::function<void(size_t, size_t)>& progress) {
  std::map<WeightType, std::pair<Squares, double>> by_type;
  std::vector<float> read;
  std::vector<float> original;
  std::vector<float> stored;
  size_t done = 0;
  for (const BundleTensor& tensor : bundle.view().tensors) {
    const uint64_t size = tensor.spec.rows * tensor.spec.columns;
    read.resize(size);
    original.resize(size);
    stored.resize(size);
    ThrowIfError(checkpoint.ReadFloat(ValueOrThrow(checkpoint.Find(tensor.spec.name)), read));
    Permute(tensor.spec, PermutationOf(tensor.spec, plan.order, bundle.config()), read, original);
    DecodeTensor(tensor, stored);
    const Squares found = IsQuantised(tensor.type) ? CheckGroups(tensor, stored, original)
                                                   : CheckElements(tensor, stored, original);
    if (!tensor.spec.is_vector()) {
      auto& [sum, worst] = by_type[tensor.type];
      sum.Add(found);
      worst = std::max(worst, found.relative());
    }
    if (progress) progress(++done, bundle.view().tensors.size());
  }
  std::vector<StoredError> errors;
  for (const auto& [type, found] : by_type) {
    errors.push_back({type, found.first.relative(), found.second});
  }
  return errors;
}

}  // namespace elm
