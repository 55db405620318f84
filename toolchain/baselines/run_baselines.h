// The bench: every method at every level, recovered alike, asked the same questions on one code
// path.
//
// Works piece by piece (one method in one table at one level) and writes what it has after each, so
// that the same call goes on where another ended.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "toolchain/baselines/baseline.h"
#include "toolchain/baselines/baselines_report.h"
#include "toolchain/baselines/recover_pruned.h"
#include "toolchain/eval/evaluate.h"

namespace elm {

struct BaselinesRun {
  const Llama& model;                // the original
  std::vector<std::string> methods;  // see ChooseMethods()
  std::vector<BaselineTable> tables;
  std::vector<uint32_t> names;        // levels below 1.0 in thousandths, ascending
  std::string bundle;                 // the elastic model, for kElasticMethod
  std::vector<std::string> siblings;  // checkpoints, for kSiblingsMethod
  std::string checkpoint_sha256;      // of the original, which a bundle names
  std::string tokenizer_sha256;       // of the original's, which siblings must share

  const TokenWindows& calibration;
  size_t calibration_batch = 4;  // windows per forward pass
  const RecoveryDiet& diet;
  RecoverOptions recover;

  const Questions& questions;
  const AnswerRules& rules;
  EvalReport heading;  // of every evaluation: the original model's, without levels
  size_t eval_batch = 4;
  size_t threads = 1;
  uint64_t seed = 1;

  std::string workspace;  // for adapters and predictors
  std::string json;       // the report's file, or empty for none
};

struct BaselinesHooks {
  // `label` says what is going on, "shortgpt (b) recover". May throw to stop the run.
  std::function<void(const std::string& label, uint64_t done, uint64_t total,
                     const std::string& note)>
      progress = [](const std::string&, uint64_t, uint64_t, const std::string&) {};
  std::function<void(const std::string&)> say = [](const std::string&) {};
  std::function<void()> throw_if_cancelled = [] {};
};

// The names behind `--methods`, each once, in the order of tables: "all" is every method. Throws
// elm::Error for an unknown one.
std::vector<std::string> ChooseMethods(const std::vector<std::string>& given);

// Measures what run.json does not hold yet; entries of other methods and levels that were measured
// under the same conditions stay. Throws elm::Error.
BaselinesReport RunBaselines(const BaselinesRun& run, const BaselinesHooks& hooks);

}  // namespace elm
