#include "toolchain/training/epoch_examples.h"

#include <array>
#include <utility>

#include "datasets/pocket/random.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

constexpr int kRounds = 6;

}  // namespace

EpochExamples::EpochExamples(std::vector<TrainingExample> examples, uint64_t seed)
    : examples_(std::move(examples)), seed_(seed) {
  if (examples_.empty()) throw Error(InvalidArgument("there is not one example to train on"));
}

// A permutation that needs no memory, so that making an example stays a pure function: a Feistel
// network over the next even number of bits, walked until it lands inside the list.
size_t EpochExamples::Shuffled(uint64_t epoch, size_t place) const {
  int half_bits = 1;
  while ((uint64_t{1} << (2 * half_bits)) < examples_.size()) ++half_bits;
  const uint64_t mask = (uint64_t{1} << half_bits) - 1;
  pocket::Random of_epoch(seed_ * 0x9e3779b97f4a7c15 + epoch);
  std::array<uint64_t, kRounds> keys{};
  for (uint64_t& key : keys) key = of_epoch.Next();
  uint64_t value = place;
  do {
    uint64_t left = value >> half_bits;
    uint64_t right = value & mask;
    for (const uint64_t key : keys) {
      const uint64_t mixed = pocket::Random(key ^ right).Next() & mask;
      left = std::exchange(right, left ^ mixed);
    }
    value = (left << half_bits) | right;
  } while (value >= examples_.size());
  return static_cast<size_t>(value);
}

TrainingExample EpochExamples::Make(uint64_t index) const {
  const size_t count = examples_.size();
  return examples_[Shuffled(index / count, static_cast<size_t>(index % count))];
}

}  // namespace elm
