// Trains the decision branch: which pair of a prompt level and a model level will do.
//
// Two heads learn from the same cube: the published one (two classifiers whose label is, for every
// SLO, the lightest feasible pair that is right) and the grid head (whether each pair will answer
// right, whatever the SLO). Words, positions and the shared layers stay as the score-head left
// them, since both branches stand on them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datasets/task.h"
#include "formats/model/accuracy_grid.h"
#include "formats/model/latency_table.h"
#include "runtime/tlm/tlm_input.h"
#include "toolchain/tlm/label_cube.h"
#include "toolchain/tlm/score_head.h"
#include "toolchain/tlm/slo_labels.h"
#include "toolchain/tlm/torch_tlm.h"

namespace elm {

struct DecisionTrainingOptions {
  TlmTraining training = {.updates = 600, .learning_rate = 1e-3, .weight_decay = 0.05};
  uint32_t batch = 16;  // questions of an update, each with an SLO of its own
  // How much of the grid's targets is the share of the right option; the rest is right or wrong.
  double share_weight = 0.5;
  // Begin with the layers of the score branch, which have learnt to compare question and context;
  // false: go on with decisions that were learnt before, for another LLM perhaps.
  bool from_score_branch = true;
  uint64_t measure_every = 50;  // updates between two losses on the validation questions
  uint64_t seed = 1;
};

// Questions with their windows and labels.
struct DecisionData {
  std::vector<TlmInput> inputs;  // [items]
  const LabelCube& cube;         // of the same items
};

// `tasks` must be the cube's items, in its order; throws elm::Error otherwise.
DecisionData MakeDecisionData(const TlmSettings& settings, const WordPieceTokenizer& tokenizer,
                              std::span<const Task> tasks, const LabelCube& cube);

// The windows of a question with the header of another SLO.
std::vector<TlmWindow> WithSlo(const TlmSettings& settings, const TlmInput& input,
                               const SloShares& slo);

struct DecisionTraining {
  double grid_loss = 0;  // on the validation questions, of the weights that were kept
  double classifier_loss = 0;
  uint64_t best_update = 0;
};

// Of all measurements the weights with the lowest validation loss are kept. `grid`: accuracy on the
// training questions, where the grid head's biases begin; its defaults are labels of the
// classifiers.
DecisionTraining TrainDecisionHead(TorchTlm& model, const TlmSettings& settings,
                                   const DecisionData& train, const DecisionData& validation,
                                   const LatencyTable& table, std::span<const SloShares> slos,
                                   const DecisionTrainingOptions& options,
                                   const TrainingProgress& progress = {});

// What the heads say, as probabilities, mean over a question's windows.
struct DecisionOutputs {
  std::vector<float> prompt_levels;  // [items, P]
  std::vector<float> model_levels;   // [items, M]
  std::vector<float> right;          // [items, P * M]
};
DecisionOutputs RunDecisionHead(const TorchTlm& model, const TlmSettings& settings,
                                const DecisionData& data, const SloShares& slo);

}  // namespace elm
