// Random pieces whose blocks repeat: what a model learns to copy from before it reads text.
#pragma once

#include <cstdint>

#include "toolchain/training/training_example.h"

namespace elm {

struct CopyVocabulary {
  uint32_t first_piece = 3;  // random pieces are [first_piece, size)
  uint32_t size = 0;
  uint32_t bos = 1;
};

// BOS, then blocks of 4 to 28 random pieces; about half of the blocks repeat one that stands
// before. Only the repeated pieces behind a block's first count: they are what can be known.
class CopyExamples : public ExampleSource {
 public:
  CopyExamples(CopyVocabulary vocabulary, uint64_t seed) : vocabulary_(vocabulary), seed_(seed) {}

  TrainingExample Make(uint64_t index) const override;

 private:
  CopyVocabulary vocabulary_;
  uint64_t seed_;
};

}  // namespace elm
