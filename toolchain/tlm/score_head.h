// Trains the score-head: which words of a context are worth keeping.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "toolchain/tlm/score_examples.h"
#include "toolchain/tlm/tlm_optimizer.h"
#include "toolchain/tlm/torch_tlm.h"

namespace elm {

struct ScoreTrainingOptions {
  TlmTraining training;
  uint32_t batch_tokens = 2048;  // pieces of a batch, padding included
  // Freeze words, positions, token types and the shared layers, as published: for a body that
  // somebody else trained.
  bool freeze_shared = false;
  uint64_t seed = 1;
};

// Mean over the pieces of contexts of -t ln p - (1 - t) ln(1 - p); nothing else counts.
torch::Tensor ScoreLoss(const TorchTlm& model, std::span<const ScoreExample* const> examples);

// Updates words, positions, token types, shared layers and score branch. AdamW on one thread of
// the caller's choosing; the same examples and options give the same weights.
void TrainScoreHead(TorchTlm& model, std::span<const ScoreExample> examples,
                    const ScoreTrainingOptions& options, const TrainingHooks& hooks = {});

// Probabilities of retaining, per context the words (runs without blanks) in order.
std::vector<std::vector<float>> ScoreWords(const TorchTlm& model, const TlmSettings& settings,
                                           const WordPieceTokenizer& tokenizer,
                                           std::span<const Task> tasks, size_t batch = 8);

}  // namespace elm
