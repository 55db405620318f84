// Training examples from the pocket world.
#pragma once

#include <cstdint>
#include <memory>

#include "datasets/pocket/world.h"
#include "runtime/include/elm/elm.hpp"
#include "toolchain/training/training_example.h"

namespace elm {

struct PocketExamplesOptions {
  uint64_t seed = 1;
  pocket::Split split = pocket::Split::kTrain;
  uint32_t questions = 4;        // about one context, at most
  double small_share = 0.6;      // of task groups are of a random smaller size
  double word_drop_share = 0.2;  // of task groups lose words at random
  double corpus_share = 0.05;    // of examples are plain documents
};

// A task group as the model reads it: BOS, instructions and context, then question, answer and line
// end of each task, EOS. `tokenizer` must outlive the source.
class PocketExamples : public ExampleSource {
 public:
  PocketExamples(const Tokenizer& tokenizer, PocketExamplesOptions options)
      : tokenizer_(tokenizer), options_(options) {}

  TrainingExample Make(uint64_t index) const override;
  // The group of one family at `index`, with all its words.
  TrainingExample MakeGroup(uint32_t family, uint64_t index) const;

 private:
  pocket::TaskKey KeyOf(uint32_t family, uint64_t index) const;
  TrainingExample FromTasks(const std::vector<Task>& tasks) const;
  TrainingExample FromDocument(uint64_t index) const;

  const Tokenizer& tokenizer_;
  PocketExamplesOptions options_;
};

}  // namespace elm
