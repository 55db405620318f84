#include "toolchain/tlm/decision_head.h"

#include <algorithm>
#include <cmath>

#include "datasets/pocket/random.h"
#include "runtime/tlm/prompt_parts.h"
#include "toolchain/base/error.h"
#include "toolchain/tlm/task_parts.h"

namespace elm {
namespace {

using torch::Tensor;

// Of the classifiers' cross-entropies beside the grid's.
constexpr double kClassifierWeight = 0.25;

bool LearnsToDecide(const TlmTensorSpec& spec) { return spec.branch == TlmBranch::kDecision; }

// The decision branch's layers become those of the score branch.
void CopyScoreBranch(TorchTlm& model) {
  const auto& specs = model.specs();
  for (size_t to = 0; to < specs.size(); ++to) {
    if (specs[to].branch != TlmBranch::kDecision) continue;
    for (size_t from = 0; from < specs.size(); ++from) {
      TlmTensorSpec twin = specs[from];
      if (twin.branch != TlmBranch::kScore) continue;
      twin.branch = TlmBranch::kDecision;
      if (twin == specs[to]) model.tensors()[to].copy_(model.tensors()[from]);
    }
  }
}

Tensor& Find(TorchTlm& model, TlmRole role, bool bias) {
  for (size_t i = 0; i < model.specs().size(); ++i) {
    const TlmTensorSpec& spec = model.specs()[i];
    if (spec.role == role && spec.bias == bias) return model.tensors()[i];
  }
  throw Error(Internal("the tiny LM lacks a tensor"));
}

// ln(p / (1 - p)) of accuracies kept away from 0 and 1.
Tensor Logits(const std::vector<double>& accuracy) {
  std::vector<float> logits;
  for (const double value : accuracy) {
    const double p = std::clamp(value, 0.02, 0.98);
    logits.push_back(static_cast<float>(std::log(p / (1 - p))));
  }
  return torch::tensor(logits);
}

// The decision branch as the score branch's copy, with heads that say what holds on average.
void BeginDecisions(TorchTlm& model, const AccuracyGrid& grid) {
  const torch::NoGradGuard no_grad;
  CopyScoreBranch(model);
  Find(model, TlmRole::kGridHead, /*bias=*/true).copy_(Logits(grid.accuracy));
  for (const TlmRole role :
       {TlmRole::kGridHead, TlmRole::kPromptClassifier, TlmRole::kModelClassifier}) {
    Find(model, role, /*bias=*/false).mul_(0.1);
  }
}

// One question under one SLO.
struct Sample {
  size_t item;
  SloShares slo;
};

// Windows and targets of a batch; every window of a question has the question's targets.
struct Targets {
  TlmBatch batch;
  Tensor right;         // float32 [windows, P * M]
  Tensor prompt_level;  // int64 [windows]; -1 where no pair is feasible
  Tensor model_level;   // int64 [windows]
};

class TargetMaker {
 public:
  TargetMaker(const TlmSettings& settings, const DecisionData& data, const LatencyTable& table,
              const AccuracyGrid& grid, double share_weight)
      : settings_(settings), data_(data), table_(table), grid_(grid), share_weight_(share_weight) {}

  Targets Make(std::span<const Sample> samples) const {
    std::vector<TlmWindow> windows;
    std::vector<float> right;
    std::vector<int64_t> prompt_levels;
    std::vector<int64_t> model_levels;
    const LabelCube& cube = data_.cube;
    const size_t models = cube.model_levels_permille.size();
    for (const Sample& sample : samples) {
      const Feasibility feasible = FeasibleFor(cube, sample.item, table_, sample.slo);
      const std::optional<SloLabel> label = LabelOf(cube, sample.item, feasible, grid_);
      for (TlmWindow& window : WithSlo(settings_, data_.inputs[sample.item], sample.slo)) {
        windows.push_back(std::move(window));
        for (size_t pair = 0; pair < cube.pairs(); ++pair)
          right.push_back(Right(sample.item, pair));
        prompt_levels.push_back(label ? static_cast<int64_t>(label->pair / models) : -1);
        model_levels.push_back(label ? static_cast<int64_t>(label->pair % models) : -1);
      }
    }
    std::vector<const TlmWindow*> pointers;
    for (const TlmWindow& window : windows) pointers.push_back(&window);
    return {MakeTlmBatch(pointers),
            torch::tensor(right).view(
                {static_cast<int64_t>(windows.size()), static_cast<int64_t>(cube.pairs())}),
            torch::tensor(prompt_levels, torch::kInt64),
            torch::tensor(model_levels, torch::kInt64)};
  }

 private:
  float Right(size_t item, size_t pair) const {
    const LabelCube& cube = data_.cube;
    const double right = cube.IsRight(item, pair) ? 1 : 0;
    const double share = cube.share[item * cube.pairs() + pair];
    return static_cast<float>((1 - share_weight_) * right + share_weight_ * share);
  }

  const TlmSettings& settings_;
  const DecisionData& data_;
  const LatencyTable& table_;
  const AccuracyGrid& grid_;
  double share_weight_;
};

struct Losses {
  Tensor grid;
  Tensor classifiers;
};

Losses LossOf(const TorchTlm& model, const Targets& targets) {
  Tensor hidden;
  {
    const torch::NoGradGuard frozen;
    hidden = model.RunShared(targets.batch);
  }
  const TorchTlm::Decision decision = model.Decide(
      model.RunBranch(hidden, targets.batch.visible, TlmBranch::kDecision).select(1, 0));
  const auto cross_entropy = [](const Tensor& logits, const Tensor& labels) {
    return at::cross_entropy_loss(logits, labels, /*weight=*/{}, at::Reduction::Mean,
                                  /*ignore_index=*/-1);
  };
  Losses losses;
  losses.grid = torch::binary_cross_entropy_with_logits(decision.right, targets.right);
  losses.classifiers = targets.prompt_level.ge(0).any().item<bool>()
                           ? cross_entropy(decision.prompt_levels, targets.prompt_level) +
                                 cross_entropy(decision.model_levels, targets.model_level)
                           : torch::zeros({});
  return losses;
}

DecisionTraining Measure(const TorchTlm& model, const TargetMaker& maker, size_t items,
                         std::span<const SloShares> slos) {
  const torch::NoGradGuard no_grad;
  constexpr size_t kBatch = 16;
  DecisionTraining result;
  double batches = 0;
  for (size_t begin = 0; begin < items; begin += kBatch, ++batches) {
    std::vector<Sample> samples;
    for (size_t item = begin; item < std::min(items, begin + kBatch); ++item) {
      samples.push_back({item, slos[(item * 7) % slos.size()]});
    }
    const Losses losses = LossOf(model, maker.Make(samples));
    result.grid_loss += losses.grid.item<double>();
    result.classifier_loss += losses.classifiers.item<double>();
  }
  result.grid_loss /= batches;
  result.classifier_loss /= batches;
  return result;
}

std::vector<Tensor> Clones(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> clones;
  for (const Tensor& tensor : tensors) clones.push_back(tensor.detach().clone());
  return clones;
}

}  // namespace

DecisionData MakeDecisionData(const TlmSettings& settings, const WordPieceTokenizer& tokenizer,
                              std::span<const Task> tasks, const LabelCube& cube) {
  if (tasks.size() != cube.items.size()) {
    throw Error(InvalidArgument("the label cube has ", cube.items.size(), " questions, ",
                                tasks.size(), " were given"));
  }
  DecisionData data{{}, cube};
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (HashTask(tasks[i]) != cube.items[i]) {
      throw Error(InvalidArgument("task ", tasks[i].id, " is not question ", i,
                                  " of the label cube; name the tasks that it was made with"));
    }
    const std::string context = JoinContext(TaskParts(tasks[i]));
    data.inputs.push_back(
        MakeTlmInput(settings, tokenizer, {.question = tasks[i].question, .context = context}));
  }
  return data;
}

std::vector<TlmWindow> WithSlo(const TlmSettings& settings, const TlmInput& input,
                               const SloShares& slo) {
  std::vector<TlmWindow> windows = input.windows;
  for (TlmWindow& window : windows) {
    window.ids[1] = TtftId(settings, slo.ttft);
    window.ids[2] = TpotId(settings, slo.tpot);
  }
  return windows;
}

DecisionTraining TrainDecisionHead(TorchTlm& model, const TlmSettings& settings,
                                   const DecisionData& train, const DecisionData& validation,
                                   const LatencyTable& table, std::span<const SloShares> slos,
                                   const DecisionTrainingOptions& options,
                                   const TrainingProgress& progress) {
  if (train.inputs.empty() || validation.inputs.empty() || slos.empty()) {
    throw Error(InvalidArgument("a decision-head needs questions to learn from, others to be ",
                                "measured on, and SLOs"));
  }
  const AccuracyGrid grid = GridOf(train.cube);
  if (options.from_score_branch) BeginDecisions(model, grid);
  TlmOptimizer optimizer(model, LearnsToDecide, options.training);
  const TargetMaker makers[] = {{settings, train, table, grid, options.share_weight},
                                {settings, validation, table, grid, /*share_weight=*/0}};
  pocket::Random random(options.seed);
  const auto total = [](const DecisionTraining& measured) {
    return measured.grid_loss + kClassifierWeight * measured.classifier_loss;
  };
  DecisionTraining best = Measure(model, makers[1], validation.inputs.size(), slos);
  std::vector<Tensor> kept = Clones(optimizer.learnt());
  const uint64_t updates = options.training.updates;
  while (optimizer.updates() < updates) {
    std::vector<Sample> samples;
    for (uint32_t i = 0; i < options.batch; ++i) {
      samples.push_back({random.Below(train.inputs.size()), slos[random.Below(slos.size())]});
    }
    const Losses losses = LossOf(model, makers[0].Make(samples));
    optimizer.Step(losses.grid + kClassifierWeight * losses.classifiers, "decision-head");
    const uint64_t done = optimizer.updates();
    if (done % options.measure_every != 0 && done != updates) continue;
    DecisionTraining measured = Measure(model, makers[1], validation.inputs.size(), slos);
    measured.best_update = done;
    if (total(measured) < total(best)) {
      best = measured;
      kept = Clones(optimizer.learnt());
    }
    if (progress) progress(done, updates, measured.grid_loss);
  }
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < kept.size(); ++i) optimizer.learnt()[i].detach().copy_(kept[i]);
  return best;
}

DecisionOutputs RunDecisionHead(const TorchTlm& model, const TlmSettings& settings,
                                const DecisionData& data, const SloShares& slo) {
  const torch::NoGradGuard no_grad;
  constexpr size_t kBatch = 16;
  struct Place {
    TlmWindow window;
    size_t item;
  };
  std::vector<Place> places;
  for (size_t item = 0; item < data.inputs.size(); ++item) {
    for (TlmWindow& window : WithSlo(settings, data.inputs[item], slo)) {
      places.push_back({std::move(window), item});
    }
  }
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return a.window.ids.size() < b.window.ids.size();
  });
  const size_t items = data.inputs.size();
  const size_t prompts = settings.prompt_levels_permille.size();
  const size_t models = settings.model_levels_permille.size();
  DecisionOutputs outputs = {std::vector<float>(items * prompts),
                             std::vector<float>(items * models),
                             std::vector<float>(items * prompts * models)};
  for (size_t begin = 0; begin < places.size(); begin += kBatch) {
    const size_t end = std::min(places.size(), begin + kBatch);
    std::vector<const TlmWindow*> windows;
    for (size_t i = begin; i < end; ++i) windows.push_back(&places[i].window);
    const TorchTlm::Decision decision = model.DecideLogits(MakeTlmBatch(windows));
    const Tensor probabilities[] = {torch::softmax(decision.prompt_levels, -1).contiguous(),
                                    torch::softmax(decision.model_levels, -1).contiguous(),
                                    torch::sigmoid(decision.right).contiguous()};
    std::vector<float>* lists[] = {&outputs.prompt_levels, &outputs.model_levels, &outputs.right};
    for (size_t i = begin; i < end; ++i) {
      const size_t item = places[i].item;
      const auto share = 1.0F / static_cast<float>(data.inputs[item].windows.size());
      for (size_t list = 0; list < 3; ++list) {
        const auto width = static_cast<size_t>(probabilities[list].size(1));
        const float* row = probabilities[list].data_ptr<float>() + (i - begin) * width;
        for (size_t k = 0; k < width; ++k) (*lists[list])[item * width + k] += share * row[k];
      }
    }
  }
  return outputs;
}

}  // namespace elm
