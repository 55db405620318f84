#include "toolchain/tlm/compare_tiny_lm.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "runtime/tlm/prompt_parts.h"
#include "runtime/tlm/tiny_lm.h"
#include "toolchain/base/error.h"
#include "toolchain/tlm/task_parts.h"

namespace elm {
namespace {

// What the runtime answers, by LibTorch: means over the windows.
struct Reference {
  std::vector<double> retain;  // [pieces]
  std::vector<double> prompt_levels;
  std::vector<double> model_levels;
  std::vector<double> right;
};

void AddShare(const torch::Tensor& probabilities, double share, std::vector<double>& sums) {
  const torch::Tensor row = probabilities.to(torch::kFloat64).contiguous().flatten();
  sums.resize(static_cast<size_t>(row.numel()));
  for (size_t i = 0; i < sums.size(); ++i) sums[i] += share * row.data_ptr<double>()[i];
}

Reference Compute(const TorchTlm& model, const TlmInput& input) {
  Reference reference;
  reference.retain.resize(input.context.ids.size());
  std::vector<double> windows_of(input.context.ids.size());
  const double share = 1.0 / static_cast<double>(input.windows.size());
  for (const TlmWindow& window : input.windows) {
    const TlmWindow* alone[] = {&window};
    const TlmBatch batch = MakeTlmBatch(alone);
    const torch::Tensor retain =
        torch::sigmoid(model.ScoreLogits(batch)).to(torch::kFloat64).contiguous();
    for (size_t i = window.header; i < window.ids.size(); ++i) {
      const size_t piece = window.first_piece + i - window.header;
      reference.retain[piece] += retain.data_ptr<double>()[i];
      windows_of[piece] += 1;
    }
    const TorchTlm::Decision decision = model.DecideLogits(batch);
    AddShare(torch::softmax(decision.prompt_levels, -1), share, reference.prompt_levels);
    AddShare(torch::softmax(decision.model_levels, -1), share, reference.model_levels);
    AddShare(torch::sigmoid(decision.right), share, reference.right);
  }
  for (size_t piece = 0; piece < windows_of.size(); ++piece) {
    if (windows_of[piece] > 0) reference.retain[piece] /= windows_of[piece];
  }
  return reference;
}

// A NaN is as far away as anything can be.
double Distance(double a, double b) {
  const double distance = std::abs(a - b);
  return std::isnan(distance) ? 1 : distance;
}

double Largest(const std::vector<double>& expected, const std::vector<float>& actual) {
  if (expected.size() != actual.size()) {
    throw Error(FailedCheck("the runtime's tiny LM gives ", actual.size(), " probabilities, ",
                            expected.size(), " are expected"));
  }
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, Distance(expected[i], actual[i]));
  }
  return largest;
}

}  // namespace

TorchTlm LoadBundleTlm(const Bundle& bundle) {
  if (!bundle.view().tlm) throw Error(NotFound(bundle.path(), ": holds no tiny LM"));
  const BundleTlm& stored = *bundle.view().tlm;
  TorchTlm model(stored.settings.config, /*seed=*/0);
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < stored.tensors.size(); ++i) {
    torch::Tensor& tensor = model.tensors()[i];
    std::vector<float> values(static_cast<size_t>(tensor.numel()));
    DecodeTensor(stored.tensors[i], values);
    tensor.copy_(torch::tensor(values).view_as(tensor));
    if (!tensor.isfinite().all().item<bool>()) {
      throw Error(Corruption(bundle.path(), ": ", TlmTensorName(stored.tensors[i].spec),
                             " of the tiny LM holds a number that is not finite"));
    }
  }
  return model;
}

TinyLmAgreement CompareTinyLm(std::shared_ptr<const Bundle> bundle, std::span<const Task> tasks) {
  const torch::NoGradGuard no_grad;
  const TorchTlm model = LoadBundleTlm(*bundle);
  const auto runtime = ValueOrThrow(TinyLm::Create(bundle, /*threads=*/1));
  TinyLmAgreement agreement;
  for (const Task& task : tasks) {
    const std::string context = JoinContext(TaskParts(task));
    const TlmQuestion question = {
        .question = task.question, .context = context, .ttft = 0.4, .tpot = 0.7};
    const TlmAnswer answer = ValueOrThrow(runtime->Read(question));
    const Reference reference =
        Compute(model, MakeTlmInput(runtime->settings(), runtime->tokenizer(), question));
    std::vector<float> retain;
    for (const PieceScore& piece : answer.pieces) retain.push_back(piece.retain);
    agreement.retain = std::max(agreement.retain, Largest(reference.retain, retain));
    agreement.decision =
        std::max({agreement.decision, Largest(reference.prompt_levels, answer.prompt_levels),
                  Largest(reference.model_levels, answer.model_levels),
                  Largest(reference.right, answer.right)});
    ++agreement.questions;
  }
  return agreement;
}

}  // namespace elm
