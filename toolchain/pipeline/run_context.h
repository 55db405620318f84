// What the stages of one run share: the checkpoint, the tokenizer, the model in LibTorch. Each is
// opened when it is first asked for, so that a run which only packs never loads the model into
// LibTorch.
//
// Throws elm::Error.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/token_windows.h"
#include "formats/checkpoint/checkpoint.h"
#include "formats/elm/bundle.h"
#include "formats/workspace/manifest.h"
#include "runtime/include/elm/elm.hpp"
#include "toolchain/model/llama.h"
#include "toolchain/pipeline/prepare_options.h"
#include "toolchain/pipeline/progress.h"

namespace elm {

class RunContext {
 public:
  RunContext(PrepareOptions options, std::string workspace, Progress::Style style);

  const PrepareOptions& options() const { return options_; }
  Progress::Style progress_style() const { return style_; }
  // "<workspace>/<name>".
  std::string Path(const std::string& name) const;

  const Checkpoint& checkpoint();
  // The path of the SentencePiece model: --tokenizer, else the checkpoint's own.
  std::string tokenizer_path();
  const std::string& tokenizer_bytes();
  const Tokenizer& tokenizer();
  // BOS, stop ids and chat template: the checkpoint's own words, else the tokenizer's.
  GenerationConfig generation();
  WeightType weights();     // in the bundle: of the layers' matrices
  WeightType vocabulary();  // of embedding and head

  // Size and SHA-256 of every input file: checkpoint, tokenizer, text. Measured once.
  const std::vector<FileFingerprint>& inputs();
  // One hash over the checkpoint's files, wherever they lie.
  std::string checkpoint_sha256();

  torch::Device device() const;
  // The model in the original order, in options().dtype on device().
  const Llama& model();
  // A fresh copy of it. An error names the checkpoint.
  Llama LoadModel(torch::Device device, torch::Dtype dtype);
  // Gives the memory of model() back.
  void ReleaseModel() { model_.reset(); }

  // Read from the workspace, where the import stage left them.
  TokenWindows calibration();
  TokenWindows held_out();

 private:
  PrepareOptions options_;
  std::string workspace_;
  Progress::Style style_;
  std::unique_ptr<Checkpoint> checkpoint_;
  std::string tokenizer_bytes_;
  std::unique_ptr<const Tokenizer> tokenizer_;
  std::optional<Llama> model_;
  std::vector<FileFingerprint> inputs_;
};

}  // namespace elm
