// What an estimate needs to know of a run: the model's shape and types, without its weights.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "formats/elm/weight_type.h"
#include "formats/model/model_config.h"
#include "toolchain/pipeline/prepare_options.h"
#include "toolchain/pipeline/run_context.h"

namespace elm {

struct RunShape {
  std::string name;  // "llama-7b", the checkpoint's path
  ModelConfig config;
  PrepareOptions options;
  WeightType weights = WeightType::kBf16;  // in the bundle
  WeightType vocabulary = WeightType::kBf16;
  uint64_t checkpoint_element = 2;  // bytes of a number of the checkpoint
  uint64_t tokenizer_bytes = 0;

  bool on_cpu() const { return options.device == "cpu"; }
  // Bytes of a number of the model in LibTorch.
  uint64_t element() const { return options.dtype == "bfloat16" ? 2 : 4; }
  uint64_t layer_weights() const;       // all layers' matrices
  uint64_t vocabulary_weights() const;  // embedding, or head
  uint64_t all_weights() const;
};

RunShape ShapeOf(RunContext& context);

// The shape of a run that has no weights to work on: `options.shape` names one (`elmc synth`), or
// the checkpoint is a Hugging Face directory with a config.json and no weights. Nothing when the
// checkpoint is one with weights. Throws elm::Error: an unknown shape, a config.json that is
// refused, a shape beside a checkpoint.
std::optional<RunShape> ShapeWithoutWeights(const PrepareOptions& options);

}  // namespace elm
