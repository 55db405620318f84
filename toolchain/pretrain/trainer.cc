#include "toolchain/pretrain/trainer.h"

#include <algorithm>
#include <cmath>

#include "toolchain/base/error.h"
#include "toolchain/model/device.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/training/batch_tensors.h"
#include "toolchain/training/bf16_kernels.h"

namespace elm {
namespace {

// A GPU computes one micro-batch at a time.
size_t WorkerCount(const PretrainOptions& options, torch::Device device) {
  return device.is_cpu() ? ThreadsOrAll(options.threads) : 1;
}

AdamWOptions OptimizerOptions(const PretrainOptions& options) {
  AdamWOptions adamw;
  adamw.weight_decay = options.weight_decay;
  adamw.clip = options.clip;
  return adamw;
}

double WeightSum(const TrainingStep& step, double context_weight) {
  double sum = 0;
  for (const MicroBatch& part : step.parts) {
    for (const TokenRole role : part.roles) sum += RoleWeight(role, context_weight);
  }
  return sum;
}

LossSums SumByRole(const torch::Tensor& losses, const std::vector<TokenRole>& roles) {
  const torch::Tensor on_cpu = losses.to(torch::kCPU);
  const float* values = on_cpu.data_ptr<float>();
  LossSums sums;
  for (size_t row = 0; row < roles.size(); ++row) {
    if (roles[row] == TokenRole::kIgnored) continue;
    const bool answer = roles[row] == TokenRole::kAnswer;
    (answer ? sums.answer_loss : sums.other_loss) += values[row];
    ++(answer ? sums.answer_tokens : sums.other_tokens);
  }
  return sums;
}

}  // namespace

void LossSums::Add(const LossSums& more) {
  answer_loss += more.answer_loss;
  answer_tokens += more.answer_tokens;
  other_loss += more.other_loss;
  other_tokens += more.other_tokens;
}

double LossSums::answer_mean() const {
  return answer_tokens == 0 ? 0 : answer_loss / static_cast<double>(answer_tokens);
}
double LossSums::other_mean() const {
  return other_tokens == 0 ? 0 : other_loss / static_cast<double>(other_tokens);
}

std::string ChooseDtype(const std::string& dtype, const std::string& device) {
  if (dtype != "auto") return dtype;
  return device != "cpu" || HasBf16Kernels() ? "bfloat16" : "float32";
}

Trainer::Trainer(const PretrainOptions& options) : Trainer(options, OpenDevice(options.device)) {}

Trainer::Trainer(const PretrainOptions& options, torch::Device device)
    : options_(options),
      model_(options.model, options.seed, device,
             options.dtype == "bfloat16" ? torch::kBFloat16 : torch::kFloat32),
      pool_(WorkerCount(options, device), [] { SetTorchThreads(1); }),
      optimizer_(model_, pool_, OptimizerOptions(options)) {
  for (size_t i = 0; i < pool_.threads(); ++i) replicas_.push_back(model_.Replica());
}

LossSums Trainer::RunPart(const MicroBatch& batch, double scale, size_t worker,
                          Gradients* gradients) {
  const torch::AutoGradMode with_gradients(gradients != nullptr);
  TrainableLlama& model = replicas_[worker];
  const BatchTensors tensors =
      ToTensors(batch, options_.model, options_.context_weight, scale, model.device());
  const WeightedLosses losses =
      model.Loss(tensors.ids, tensors.targets, tensors.weights, tensors.layout);
  if (gradients != nullptr) {
    losses.total.backward();
    *gradients = model.TakeGradients();
  }
  return SumByRole(losses.rows, batch.roles);
}

LossSums Trainer::Update(const TrainingStep& step) {
  const double scale = 1.0 / std::max(1e-6, WeightSum(step, options_.context_weight));
  std::vector<LossSums> sums(step.parts.size());
  std::vector<Gradients> gradients(step.parts.size());
  pool_.ForEach(step.parts.size(), [&](size_t part, size_t worker) {
    sums[part] = RunPart(step.parts[part], scale, worker, &gradients[part]);
  });
  const double norm = optimizer_.Step(LearningRate(options_, step.before.tokens), gradients);
  LossSums total;
  for (const LossSums& part : sums) total.Add(part);
  if (!std::isfinite(norm) || !std::isfinite(total.answer_loss + total.other_loss)) {
    throw Error(FailedCheck("update ", step.after.step,
                            ": the loss is no longer finite; start over ",
                            "with a lower --learning-rate and --restart"));
  }
  return total;
}

LossSums Trainer::Measure(std::span<const MicroBatch> batches) {
  std::vector<LossSums> sums(batches.size());
  pool_.ForEach(batches.size(), [&](size_t part, size_t worker) {
    sums[part] = RunPart(batches[part], 1.0, worker, nullptr);
  });
  LossSums total;
  for (const LossSums& part : sums) total.Add(part);
  return total;
}

}  // namespace elm
