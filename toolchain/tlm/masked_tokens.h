// Masked-token pretraining (Devlin et al. 2019) of a tiny LM's body, for shapes that are trained
// from nothing: which words occur where, before anything is known about prompts.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "datasets/task.h"
#include "toolchain/tlm/tlm_optimizer.h"
#include "toolchain/tlm/torch_tlm.h"

namespace elm {

struct MaskedTokenOptions {
  TlmTraining training;
  uint32_t batch_tokens = 2048;  // pieces of a batch, padding included
  double masked_share = 0.15;    // of the pieces behind the SLO tokens: 8 in 10 become [MASK], one
                                 // in 10 another piece, one stays
  uint64_t seed = 1;
};

// Question and context of the task at `index`; may repeat after any number of them.
using TaskAt = std::function<Task(uint64_t index)>;

// Trains words, positions, token types, shared layers and the score branch's layers to predict
// masked pieces of `[CLS] [ttft] <tpot> question [SEP] context`. The prediction's own weights are
// dropped afterwards. Progress reports nats per masked piece.
void PretrainMaskedTokens(TorchTlm& model, const TlmSettings& settings,
                          const WordPieceTokenizer& tokenizer, const TaskAt& tasks,
                          const MaskedTokenOptions& options, const TrainingHooks& hooks = {});

}  // namespace elm
