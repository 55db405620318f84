// What the training of adapters is asked for.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "formats/model/model_config.h"

namespace elm {

enum class Recovery {
  kNone,       // no adapters
  kNextToken,  // the loss of the text's own next token: supervised fine-tuning
  kDistill,    // divergence from the full model's predictions
  kBoth,       // half of each
};
const char* RecoveryName(Recovery recovery);  // "none", "sft", "distill", "both"
std::optional<Recovery> ParseRecovery(std::string_view name);
// Part of the loss that is divergence from the full model.
double DistillationShare(Recovery recovery);

struct RecoverOptions {
  Recovery recovery = Recovery::kBoth;
  uint32_t rank = 8;
  double alpha = 16;            // what B (A x) is multiplied by, times the rank
  uint64_t tokens = 205'000;    // predicted by each level
  uint32_t batch_tokens = 512;  // of a micro-batch
  uint32_t accumulate = 2;      // micro-batches per update, computed side by side on the CPU
  double learning_rate = 0;     // the peak; 0: DefaultLearningRate()
  double clip = 1.0;            // longest gradient
  double dropout = 0;           // part of what adapters read that is left out, see AdapterDropout
  double context_weight = 0.1;  // of the loss of tokens that are no answers
  uint32_t validations = 8;     // measurements on the validation examples, of which the best stays
  bool checkpoint_layers = false;  // see LevelPass

  uint64_t seed = 1;
  std::string device = "cpu";
  std::string dtype = "auto";  // float32, bfloat16, or whichever is faster here
  uint32_t threads = 0;        // 0: all cores
  double checkpoint_minutes = 1;
};

// Layers up to this width keep one thread busy by themselves: then every thread of the processor
// computes a micro-batch of its own, from beginning to end.
inline constexpr uint32_t kNarrowLayers = 1024;

// Wider layers take smaller steps: 3e-3 * sqrt(192 / width), which was best of several at width
// 192.
double DefaultLearningRate(uint32_t width);

// A linear warm-up over the first twentieth, then a cosine to nothing. `done` of all updates.
double RecoveryLearningRate(double peak, double done);

// Throws elm::Error that names the first option that makes no sense.
void Validate(const RecoverOptions& options);

// `options` with what they leave open settled for a model: the learning rate, the type. Throws as
// Validate() does.
RecoverOptions Resolve(RecoverOptions options, const ModelConfig& config);

// What decides the adapters, as a flat object: a run may be gone on with only when it is equal.
// `dtype` is that in use.
nlohmann::json Recipe(const RecoverOptions& options);

}  // namespace elm
