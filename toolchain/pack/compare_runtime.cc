#include "toolchain/pack/compare_runtime.h"

#include <algorithm>
#include <cmath>

#include "formats/elm/bundle.h"
#include "runtime/include/elm/elm.hpp"
#include "toolchain/base/error.h"
#include "toolchain/model/bundle_model.h"

namespace elm {
namespace {

double LogSumExp(std::span<const float> logits) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - highest);
  return highest + std::log(sum);
}

// Runs one window through the runtime and holds each position's logits against `expected`
// [tokens, vocab]. Adds the window's mean loss to `agreement.runtime_nll`.
void CompareWindow(Session& session, std::span<const uint32_t> ids, const torch::Tensor& expected,
                   LevelAgreement& agreement) {
  double loss = 0;
  session.Reset();
  ThrowIfError(session.Score(ids, [&](size_t index, std::span<const float> logits) {
    const float* row = expected.data_ptr<float>() + index * logits.size();
    for (size_t piece = 0; piece < logits.size(); ++piece) {
      const double difference = std::abs(double{logits[piece]} - row[piece]);
      // Written so that a NaN on either side counts as a disagreement.
      if (!(difference <= agreement.max_logit_difference)) {
        agreement.max_logit_difference = difference;
      }
    }
    if (index + 1 < ids.size()) loss += LogSumExp(logits) - logits[ids[index + 1]];
  }));
  agreement.runtime_nll += loss / static_cast<double>(ids.size() - 1);
}

}  // namespace

Tolerance RuntimeTolerance(WeightType layers) {
  switch (layers) {
    case WeightType::kF32:
    case WeightType::kF16:
      return {.logit = 1e-3, .nll = 1e-4};
    case WeightType::kBf16:
      return {.logit = 0.6, .nll = 0.012};
    case WeightType::kQ8:
    case WeightType::kQ4:
      break;
  }
  return {.logit = 2.5, .nll = 0.05};
}

std::vector<LevelAgreement> CompareWithRuntime(
    const std::string& bundle_path, const TokenWindows& windows,
    const std::function<void(size_t done, size_t total)>& progress) {
  const torch::NoGradGuard no_grad;
  const auto bundle = ValueOrThrow(Bundle::Open(bundle_path));
  const Llama reference = LoadBundleModel(*bundle, torch::kCPU, torch::kFloat32);
  const auto adapters = LoadBundleAdapters(*bundle, torch::kCPU, torch::kFloat32);
  const auto model = ValueOrThrow(Model::Load(bundle_path));
  const auto session = ValueOrThrow(Session::Create(model, {.kv = KvType::kF32}));

  std::vector<LevelAgreement> agreements;
  const size_t total = bundle->levels().levels.size() * windows.count();
  size_t done = 0;
  for (size_t index = 0; index < adapters.size(); ++index) {
    const Level& level = bundle->levels().levels[index];
    LevelAgreement agreement;
    agreement.name_permille = level.name_permille;
    ThrowIfError(session->SetLevel(LevelName(level.name_permille)));
    for (size_t i = 0; i < windows.count(); ++i) {
      const torch::Tensor ids = WindowBatch(windows, i, i + 1, reference.device());
      const ForwardOptions options{.level = &level,
                                   .adapter = adapters[index] ? &*adapters[index] : nullptr};
      const torch::Tensor logits = reference.Logits(ids, options)[0].cpu().contiguous();
      agreement.torch_nll += reference.SequenceLoss(ids, options).item<double>();
      CompareWindow(*session, windows.row(i), logits, agreement);
      if (progress) progress(++done, total);
    }
    agreement.torch_nll /= static_cast<double>(windows.count());
    agreement.runtime_nll /= static_cast<double>(windows.count());
    agreements.push_back(agreement);
  }
  return agreements;
}

}  // namespace elm
