// What an evaluation found, item by item, so that a later one can be held against it.
//
// In memory and in the file stand the same primary facts: which items were right, the loss of each
// window. Means, errors and differences follow from them; the file repeats them for its readers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "toolchain/eval/latency.h"
#include "toolchain/eval/statistics.h"

namespace elm {

// Under which circumstances the questions were asked.
struct EvalConditions {
  std::string engine;      // "runtime" or "libtorch"
  std::string arithmetic;  // "float32", "bfloat16"
  std::string split;       // of the built-in world
  uint64_t seed = 0;       // of the built-in world and of dropped words
  uint64_t count = 0;      // tasks asked for of each source or family
  uint64_t limit = 0;      // most tasks of a family, 0 is all
  std::string drop;        // "none", "random", "unneeded"
  double keep = 1;         // share of the context's words that is left

  bool operator==(const EvalConditions&) const = default;
};

// A column of the table.
struct EvalFamily {
  std::string name;
  std::string source;  // which --tasks it comes from, without folders
  uint64_t items = 0;
  uint64_t skipped = 0;  // left out because the model's context is too short
  double chance = 0;     // accuracy of blind guessing
  std::string hash;      // of the tasks

  bool operator==(const EvalFamily&) const = default;
};

// A text that a loss was measured on.
struct EvalText {
  std::string name;  // of its file
  uint64_t windows = 0;
  uint64_t window_tokens = 0;
  std::string hash;

  bool operator==(const EvalText&) const = default;
};

struct FamilyScore {
  std::vector<bool> correct;  // [items]
  double nll = 0;             // mean over items of the right answer's nats per token

  bool operator==(const FamilyScore&) const = default;
};

struct TextScore {
  std::vector<double> losses;  // [windows]: mean next-token loss in nats

  bool operator==(const TextScore&) const = default;
};

// All questions and texts, answered once.
struct QuestionScores {
  std::vector<FamilyScore> families;  // in the order of EvalReport::families
  std::vector<TextScore> texts;       // in the order of EvalReport::texts

  bool operator==(const QuestionScores&) const = default;
};

// What a level takes of a bundle.
struct LevelSize {
  uint64_t weight_bytes = 0;   // its prefixes, norms, embedding and head
  uint64_t adapter_bytes = 0;  // 0: it has none

  bool operator==(const LevelSize&) const = default;
};

struct LevelScores : QuestionScores {
  uint32_t name_permille = 0;
  double reached_share = 0;       // true share of the weights
  std::optional<LevelSize> size;  // of a bundle's level; not in files of schema version 1
  // The same questions put to the level without its adapter, where that was asked for.
  std::optional<QuestionScores> without_adapter;
  std::optional<LevelLatency> latency;  // where EvalReport::latency says how it was measured

  bool operator==(const LevelScores&) const = default;
};

struct EvalReport {
  std::string tool_version;
  std::string model_form;  // "elm bundle", "Hugging Face directory"
  std::string model_hash;
  EvalConditions conditions;
  std::vector<EvalFamily> families;
  std::vector<EvalText> texts;
  // How latency was measured, on the machine that made the report. Absent: it was not.
  std::optional<LatencyOptions> latency;
  // What that machine could do meanwhile. Not in files of schema version 1.
  std::optional<MachineRates> machine;
  std::vector<LevelScores> levels;  // ascending

  bool operator==(const EvalReport&) const = default;
  // The level "1.0", or nullptr when it was not measured.
  const LevelScores* full() const;
};

// One family at one level.
Estimate Accuracy(const FamilyScore& score);
// How much more accurate `score` is than `other` on the same items; paired.
Estimate AccuracyDifference(const FamilyScore& score, const FamilyScore& other);

// Unweighted means over the families of a level; there must be at least one.
Estimate MeanAccuracy(const QuestionScores& scores);
Estimate MeanAccuracyDifference(const QuestionScores& scores, const QuestionScores& other);
double MeanFromChance(const EvalReport& report, const QuestionScores& scores);

Estimate TextLoss(const TextScore& score);
// How much higher the loss of `score` is than that of `other` on the same windows; paired.
Estimate TextLossDifference(const TextScore& score, const TextScore& other);

}  // namespace elm
