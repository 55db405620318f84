#include "toolchain/recover/adapter_trainer.h"

#include <cmath>
#include <utility>

#include "toolchain/model/torch_compat.h"
#include "toolchain/recover/distillation_loss.h"
#include "toolchain/recover/process_group.h"

namespace elm {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;

bool OneThreadEach(const FrozenLlama& model) {
  return model.device().is_cpu() && model.config().width <= kNarrowLayers;
}

size_t Workers(const FrozenLlama& model, const RecoverOptions& options) {
  return OneThreadEach(model) ? ThreadsOrAll(options.threads) : 1;
}

double WeightOf(const MicroBatch& batch, double context_weight) {
  double sum = 0;
  for (const TokenRole role : batch.roles) sum += RoleWeight(role, context_weight);
  return sum;
}

// The parts of a step that process `rank` of `size` computes.
std::vector<MicroBatch> OwnParts(const std::vector<MicroBatch>& parts, const ProcessGroup* group) {
  if (group == nullptr) return parts;
  std::vector<MicroBatch> own;
  for (size_t i = static_cast<size_t>(group->rank()); i < parts.size();
       i += static_cast<size_t>(group->size())) {
    own.push_back(parts[i]);
  }
  return own;
}

// The place in a step of the batch at `own` of OwnParts().
size_t PartInStep(size_t own, const ProcessGroup* group) {
  if (group == nullptr) return own;
  return static_cast<size_t>(group->rank()) + own * static_cast<size_t>(group->size());
}

}  // namespace

StreamOptions StreamOptionsOf(const RecoverOptions& options, const ModelConfig& config) {
  return {.batch_tokens = options.batch_tokens,
          .longest_rows = config.context,
          .parts = options.accumulate,
          .row_multiple = options.batch_tokens,
          .by_length = true};
}

std::vector<MicroBatch> ToMicroBatches(std::span<const TrainingExample> examples, int64_t rows) {
  std::vector<MicroBatch> batches;
  for (const TrainingExample& example : examples) {
    if (batches.empty() || batches.back().tokens + example.rows() > rows) batches.emplace_back();
    batches.back().Add(example);
  }
  for (MicroBatch& batch : batches) batch.Pad(rows);
  return batches;
}

AdapterTrainer::AdapterTrainer(const FrozenLlama& model, const LevelTable& levels,
                               std::span<const size_t> chosen, const RecoverOptions& options,
                               ProcessGroup* group, const TrainingSetting& setting)
    : model_(model),
      teacher_(setting.teacher == nullptr ? model : *setting.teacher),
      options_(options),
      group_(group),
      pool_(Workers(model, options),
            [threads = OneThreadEach(model) ? size_t{1} : ThreadsOrAll(options.threads)] {
              SetTorchThreads(static_cast<int>(threads));
            }) {
  TORCH_CHECK(setting.biases.empty() || setting.biases.size() == levels.levels.size(),
              "biases do not cover every level");
  for (const size_t index : chosen) {
    const Level& level = levels.levels.at(index);
    AdapterParameters parameters(model.config(), level, options.rank, options.alpha);
    // Every level begins with numbers of its own, whichever others are trained along with it.
    const torch::Tensor flat =
        parameters.Initial(options.seed * 1000003 + level.name_permille, model.device());
    levels_.push_back(
        {.level = &level,
         .biases = setting.biases.empty() ? std::span<const LayerBias>() : setting.biases[index],
         .parameters = std::move(parameters),
         .flat = flat,
         .first_moment = torch::zeros_like(flat),
         .second_moment = torch::zeros_like(flat)});
  }
}

AdapterDropout AdapterTrainer::DropoutOf(const LevelTraining& level, size_t part) const {
  const AdapterDropout run{options_.dropout, options_.seed};
  return run.Of(level.level->name_permille).Of(static_cast<uint64_t>(updates_)).Of(part);
}

WeightedSum AdapterTrainer::RunLevel(const LevelTraining& level, const BatchTensors& batch,
                                     size_t part, const torch::Tensor& teacher,
                                     torch::Tensor* gradient) const {
  const torch::AutoGradMode with_gradients(gradient != nullptr);
  if (gradient != nullptr) *gradient = torch::zeros_like(level.flat);
  const LoraAdapter adapter = gradient == nullptr ? level.parameters.View(level.flat)
                                                  : level.parameters.Leaves(level.flat, *gradient);
  const torch::Tensor hidden =
      model_.Hidden(batch.ids, batch.layout,
                    {.level = level.level,
                     .adapter = &adapter,
                     .biases = level.biases,
                     .checkpoint_layers = gradient != nullptr && options_.checkpoint_layers,
                     .dropout = gradient == nullptr ? AdapterDropout{} : DropoutOf(level, part)});
  const DistillationLosses losses =
      DistillationLoss(hidden, teacher, model_.head(), batch.targets, batch.weights,
                       DistillationShare(options_.recovery));
  if (gradient != nullptr) losses.total.backward();
  return {losses.total.item<double>(), batch.weights.sum().item<double>()};
}

std::vector<WeightedSum> AdapterTrainer::RunAll(
    std::span<const MicroBatch> batches, double scale,
    std::vector<std::vector<torch::Tensor>>* gradients) {
  struct Part {
    std::optional<BatchTensors> tensors;
    torch::Tensor teacher;
    std::vector<WeightedSum> sums;
  };
  std::vector<Part> parts(batches.size());
  pool_.ForEach(batches.size(), [&](size_t index, size_t) {
    const torch::NoGradGuard no_grad;
    Part& part = parts[index];
    part.sums.resize(levels_.size());
    part.tensors =
        ToTensors(batches[index], model_.config(), options_.context_weight, scale, model_.device());
    if (DistillationShare(options_.recovery) > 0) {
      part.teacher = teacher_.Hidden(part.tensors->ids, part.tensors->layout, {});
    }
  });
  // Wide levels, which take longest, come first.
  pool_.ForEach(batches.size() * levels_.size(), [&](size_t index, size_t) {
    const size_t level = levels_.size() - 1 - index / batches.size();
    const size_t at = index % batches.size();
    parts[at].sums[level] =
        RunLevel(levels_[level], *parts[at].tensors, PartInStep(at, group_), parts[at].teacher,
                 gradients == nullptr ? nullptr : &(*gradients)[level][at]);
  });
  std::vector<WeightedSum> sums(levels_.size());
  for (const Part& part : parts) {
    for (size_t level = 0; level < levels_.size(); ++level) {
      sums[level].loss += part.sums[level].loss;
      sums[level].weight += part.sums[level].weight;
    }
  }
  return sums;
}

void AdapterTrainer::MoveAlong(LevelTraining& level, torch::Tensor gradient, double rate) {
  const double norm = gradient.norm().item<double>();
  if (norm > options_.clip) gradient.mul_(options_.clip / norm);
  const auto updates = static_cast<double>(updates_);
  level.first_moment.mul_(kBeta1).add_(gradient, 1 - kBeta1);
  level.second_moment.mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
  const double correction = std::sqrt(1 - std::pow(kBeta2, updates));
  const torch::Tensor scale = (level.second_moment.sqrt() / correction).add_(kEpsilon);
  level.flat.addcdiv_(level.first_moment, scale, -rate / (1 - std::pow(kBeta1, updates)));
}

std::vector<double> AdapterTrainer::Update(const TrainingStep& step, double done) {
  double weight = 0;
  for (const MicroBatch& part : step.parts) weight += WeightOf(part, options_.context_weight);
  const std::vector<MicroBatch> own = OwnParts(step.parts, group_);
  std::vector<std::vector<torch::Tensor>> gradients(levels_.size(),
                                                    std::vector<torch::Tensor>(own.size()));
  const std::vector<WeightedSum> sums = RunAll(own, 1.0 / std::max(1e-6, weight), &gradients);
  ++updates_;
  const torch::NoGradGuard no_grad;
  const double rate = RecoveryLearningRate(options_.learning_rate, done);
  std::vector<double> losses;
  for (size_t i = 0; i < levels_.size(); ++i) {
    // The loss travels with the gradient, so that all processes see the same one.
    torch::Tensor total = torch::zeros({levels_[i].flat.numel() + 1}, levels_[i].flat.options());
    torch::Tensor gradient = total.narrow(0, 0, levels_[i].flat.numel());
    for (const torch::Tensor& part : gradients[i]) gradient.add_(part);
    total[total.numel() - 1] = sums[i].loss;
    if (group_ != nullptr) group_->Sum(total);
    const double loss = total[total.numel() - 1].item<double>();
    const bool finite = std::isfinite(loss) && std::isfinite(gradient.norm().item<double>());
    losses.push_back(finite ? loss : std::nan(""));
    if (finite) MoveAlong(levels_[i], gradient, rate);
  }
  return losses;
}

std::vector<double> AdapterTrainer::Measure(std::span<const MicroBatch> batches) {
  std::vector<double> means;
  for (const WeightedSum& sum : RunAll(batches, 1.0, nullptr)) means.push_back(sum.mean());
  return means;
}

}  // namespace elm
