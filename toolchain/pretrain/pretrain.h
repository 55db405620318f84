// Pretraining a small model on the pocket world: the whole run, with checkpoints and exact resume.
//
// The output directory holds a Hugging Face directory of the newest checkpoint's weights (F16),
// checkpoint.safetensors (what a stopped run goes on from), curve.json and pretrain.json.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "toolchain/pretrain/pretrain_options.h"

namespace elm {

struct PretrainProgress {
  uint64_t tokens = 0;
  uint64_t total_tokens = 0;
  double answer_loss = 0;  // nats per token, over the last few updates
  double tokens_per_second = 0;
};

struct PretrainHooks {
  std::function<void()> throw_if_cancelled = [] {};
  std::function<void(const PretrainProgress&)> report = [](const PretrainProgress&) {};
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

struct PretrainReport {
  std::string output;
  int64_t weights = 0;
  uint64_t steps = 0;
  uint64_t tokens = 0;
  double seconds = 0;      // of training, over all sittings
  double answer_loss = 0;  // validation, mean over families
  bool resumed = false;
};

// Runs to the end or goes on from the directory's checkpoint. When `throw_if_cancelled` throws, a
// checkpoint is written before the exception goes on. Throws elm::Error.
PretrainReport Pretrain(PretrainOptions options, const PretrainHooks& hooks = {});

}  // namespace elm
