// A finite set of examples, over and over, in another order each time.
#pragma once

#include <cstdint>
#include <vector>

#include "toolchain/training/training_example.h"

namespace elm {

class EpochExamples : public ExampleSource {
 public:
  // At least one example. Example i of the list comes once in every `examples.size()` indices.
  EpochExamples(std::vector<TrainingExample> examples, uint64_t seed);

  TrainingExample Make(uint64_t index) const override;
  size_t count() const { return examples_.size(); }

 private:
  // Where index `place` of an epoch lies in the list.
  size_t Shuffled(uint64_t epoch, size_t place) const;

  std::vector<TrainingExample> examples_;
  uint64_t seed_;
};

}  // namespace elm
