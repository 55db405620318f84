// Scores by LibTorch: a checkpoint before it is packed, any device, any arithmetic.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "formats/model/level_table.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/eval/scoring_engine.h"
#include "toolchain/model/llama.h"
#include "toolchain/model/lora_adapter.h"

namespace elm {

// What a level is beside its slice of the model.
struct LevelExtras {
  std::optional<LoraAdapter> adapter = {};
  std::vector<LayerBias> biases = {};                  // [layers] or empty
  std::shared_ptr<const UnitGating> gating = nullptr;  // called from several threads
  // Whether the tokens of prompts are gated, too; else they are computed with all units, as a
  // prefill would be that needs them all between its tokens.
  bool gates_prompts = true;
};

// `batch` requests at a time and thread. A request is one row: its prompt and, behind it, its
// continuations side by side as branches of a token tree. Rows of similar length go together.
//
// On the processor every thread computes batches of its own from beginning to end, which is faster
// than several threads on one operation after the other; LibTorch itself should be told to use one
// (SetTorchThreads). Results do not depend on the number of threads.
class TorchEngine : public ScoringEngine {
 public:
  // `levels` belongs to the model, whose units are in stored order, and so do `adapters`: one for
  // each level that has one, or none at all.
  TorchEngine(Llama model, LevelTable levels, size_t batch, size_t threads,
              std::vector<std::optional<LoraAdapter>> adapters = {});
  // `extras` [levels]. The levels need not be nested.
  TorchEngine(Llama model, LevelTable levels, size_t batch, size_t threads,
              std::vector<LevelExtras> extras);

  const char* name() const override { return "libtorch"; }
  void UseAdapters(bool use) override { use_adapters_ = use; }
  std::vector<RequestScore> Score(size_t level, std::span<const ScoringRequest> requests,
                                  const ScoringProgress& progress = {}) override;
  std::vector<double> WindowLosses(size_t level, const TokenWindows& windows,
                                   const ScoringProgress& progress = {}) override;

 private:
  // compute(begin, end) for batches of `count` things.
  void ForEachBatch(size_t count, const ScoringProgress& progress,
                    const std::function<void(size_t begin, size_t end)>& compute);

  // Everything about a level that a forward pass needs.
  ForwardOptions LevelPass(size_t level) const;

  Llama model_;
  LevelTable levels_;
  std::vector<LevelExtras> extras_;  // [levels]
  bool use_adapters_ = true;
  size_t batch_;
  WorkerPool pool_;
};

}  // namespace elm
