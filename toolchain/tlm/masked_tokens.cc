#include "toolchain/tlm/masked_tokens.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "datasets/pocket/random.h"
#include "runtime/tlm/prompt_parts.h"
#include "toolchain/tlm/task_parts.h"

namespace elm {
namespace {

using torch::Tensor;

constexpr uint32_t kSloPlaces = 3;  // [CLS], [ttft], <tpot>

// Windows with some of their pieces hidden.
struct MaskedBatch {
  std::vector<TlmWindow> windows;
  std::vector<std::pair<size_t, size_t>> places;  // window, position
  std::vector<int64_t> pieces;                    // what stood there
};

void HidePieces(TlmWindow& window, size_t index, const WordPieceTokenizer& tokenizer, double share,
                pocket::Random& random, MaskedBatch& batch) {
  for (size_t i = kSloPlaces; i < window.ids.size(); ++i) {
    if (window.ids[i] == tokenizer.sep_id() || !random.Chance(share)) continue;
    batch.places.emplace_back(index, i);
    batch.pieces.push_back(window.ids[i]);
    if (random.Chance(0.8)) {
      window.ids[i] = tokenizer.mask_id();
    } else if (random.Chance(0.5)) {
      window.ids[i] = static_cast<uint32_t>(random.Below(tokenizer.size()));
    }
  }
}

}  // namespace

void PretrainMaskedTokens(TorchTlm& model, const TlmSettings& settings,
                          const WordPieceTokenizer& tokenizer, const TaskAt& tasks,
                          const MaskedTokenOptions& options, const TrainingHooks& hooks) {
  torch::Generator generator = at::detail::createCPUGenerator(options.seed);
  const int64_t hidden = model.config().hidden;
  const int64_t width = model.config().embedding;
  // hidden -> a word's row; its product with all rows predicts the piece.
  Tensor projection = torch::randn({width, hidden}, generator, torch::kFloat32) /
                      std::sqrt(static_cast<double>(hidden * width));
  Tensor bias = torch::zeros({int64_t{model.config().vocab}});
  TlmOptimizer optimizer(model,
                         [](const TlmTensorSpec& spec) {
                           return spec.branch != TlmBranch::kDecision &&
                                  spec.role != TlmRole::kScoreHead;
                         },
                         options.training, {projection, bias});
  pocket::Random random(options.seed);
  uint64_t next = 0;
  if (hooks.resume) hooks.resume(optimizer);
  const uint64_t resumed = optimizer.updates();
  if (resumed == options.training.updates) return;
  for (uint64_t update = 0; update < options.training.updates;) {
    MaskedBatch batch;
    size_t longest = 0;
    while (batch.windows.empty() || (batch.windows.size() + 1) * longest <= options.batch_tokens) {
      const Task task = tasks(next++);
      const std::string context = JoinContext(TaskParts(task));
      const TlmInput input =
          MakeTlmInput(settings, tokenizer, {.question = task.question, .context = context});
      for (TlmWindow window : input.windows) {
        longest = std::max(longest, window.ids.size());
        HidePieces(window, batch.windows.size(), tokenizer, options.masked_share, random, batch);
        batch.windows.push_back(std::move(window));
      }
    }
    if (batch.pieces.empty()) continue;
    if (update++ < resumed) continue;  // an earlier sitting has learnt from it
    std::vector<const TlmWindow*> windows;
    for (const TlmWindow& window : batch.windows) windows.push_back(&window);
    const TlmBatch input = MakeTlmBatch(windows);
    std::vector<int64_t> flat;
    for (const auto& [window, place] : batch.places) {
      flat.push_back(static_cast<int64_t>(window) * input.ids.size(1) +
                     static_cast<int64_t>(place));
    }
    const Tensor states = model.RunBranch(model.RunShared(input), input.visible, TlmBranch::kScore)
                              .flatten(0, 1)
                              .index_select(0, torch::tensor(flat, torch::kInt64));
    const Tensor logits =
        torch::linear(torch::linear(states, projection), model.Get(TlmRole::kWords), bias);
    optimizer.Step(at::cross_entropy_loss(logits, torch::tensor(batch.pieces, torch::kInt64)),
                   "masked-token pretraining");
    optimizer.Tell(hooks);
  }
}

}  // namespace elm
