// The model that `elmc eval` measures: an .elm bundle, or a checkpoint before it is made elastic.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "formats/elm/bundle.h"
#include "formats/model/level_table.h"
#include "runtime/include/elm/elm.hpp"
#include "toolchain/eval/scoring_engine.h"
#include "toolchain/pipeline/run_context.h"

namespace elm {

struct SubjectOptions {
  std::string model;                // the bundle or checkpoint
  std::string tokenizer;            // of a checkpoint that carries none
  std::string engine = "libtorch";  // or "runtime"
  std::string dtype = "float32";    // LibTorch's arithmetic; "float32" or "bfloat16"
  std::string device = "cpu";       // LibTorch's
  size_t threads = 1;
  size_t batch = 4;  // requests that LibTorch computes together on each thread
};

class EvalSubject {
 public:
  // Throws elm::Error: what cannot be opened, an engine that cannot run it.
  explicit EvalSubject(const SubjectOptions& options);

  const std::string& form() const { return form_; }  // "elm bundle", "Hugging Face directory"
  const std::string& hash() const { return hash_; }  // of its files' contents
  const std::string& arithmetic() const { return arithmetic_; }
  const ModelConfig& config() const { return config_; }
  const LevelTable& levels() const { return levels_; }
  const GenerationConfig& generation() const { return generation_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  ScoringEngine& engine() { return *engine_; }
  // Null for a checkpoint.
  std::shared_ptr<const Model> bundle() const { return bundle_model_; }

 private:
  void OpenBundle(const SubjectOptions& options);
  void OpenCheckpoint(const SubjectOptions& options);

  std::string form_;
  std::string hash_;
  std::string arithmetic_ = "float32";
  ModelConfig config_;
  LevelTable levels_;
  GenerationConfig generation_;
  std::shared_ptr<const Model> bundle_model_;  // of a bundle
  std::unique_ptr<RunContext> checkpoint_;     // of a checkpoint
  const Tokenizer* tokenizer_ = nullptr;       // lives in one of the two
  std::unique_ptr<ScoringEngine> engine_;
};

}  // namespace elm
