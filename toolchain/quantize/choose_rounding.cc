#include "toolchain/quantize/choose_rounding.h"

#include <utility>

#include "formats/elm/quantise.h"
#include "toolchain/base/error.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/eval/windows_loss.h"
#include "toolchain/quantize/quantise_model.h"

namespace elm {
namespace {

// Rounds one matrix after the other, each for itself, and has the model compute with the result.
QuantisedTensors RoundSeparately(Llama& model, const std::vector<PlannedTensor>& planned,
                                 ScaleSearch search, const RoundingProgress& progress) {
  QuantisedTensors tensors;
  size_t done = 0;
  for (const PlannedTensor& tensor : planned) {
    if (IsQuantised(tensor.storage.type)) {
      torch::Tensor& weights = MatrixOf(model, tensor.spec);
      weights = weights.contiguous();
      auto matrix = QuantiseMatrix(
          tensor.storage.type, search, tensor.storage.layout.tile_columns, tensor.spec.rows,
          tensor.spec.columns, {weights.data_ptr<float>(), static_cast<size_t>(weights.numel())});
      ThrowIfError(matrix.status().In(tensor.spec.name));
      weights = ToTensor(*matrix);
      tensors.emplace(tensor.spec.name, std::move(matrix).value());
    }
    if (progress) progress(++done, planned.size());
  }
  if (model.config().tied_head) model.head = model.embedding;
  return tensors;
}

QuantisedTensors Round(Llama& model, const RoundingInputs& inputs, Rounding rounding,
                       const RoundingProgress& progress) {
  switch (rounding) {
    case Rounding::kNearest:
      return RoundSeparately(model, inputs.tensors, ScaleSearch::kNearest, progress);
    case Rounding::kLeastError:
      return RoundSeparately(model, inputs.tensors, ScaleSearch::kError, progress);
    case Rounding::kCalibrated:
      break;
  }
  QuantiseModelOptions options;
  options.batch = inputs.batch;
  return QuantiseModel(model, inputs.levels, inputs.tensors, inputs.calibration, options, progress);
}

RoundingCandidate Measure(const Llama& model, const RoundingInputs& inputs, Rounding rounding) {
  RoundingCandidate candidate{rounding, {}, 0};
  for (const Level& level : inputs.levels.levels) {
    const double loss = MeasureLoss(model, inputs.held_out, {.level = &level}, inputs.batch).mean;
    candidate.level_nll.push_back(loss);
    candidate.mean_nll += loss / static_cast<double>(inputs.levels.levels.size());
  }
  return candidate;
}

}  // namespace

ChosenRounding ChooseRounding(const RoundingInputs& inputs, std::optional<Rounding> rounding,
                              const RoundingProgress& progress) {
  std::vector<Rounding> roundings = {Rounding::kLeastError, Rounding::kCalibrated};
  if (rounding) roundings = {*rounding};
  ChosenRounding chosen;
  double best = 0;
  for (size_t i = 0; i < roundings.size(); ++i) {
    // Each rounding counts for its share of the work, whatever it counts itself.
    constexpr size_t kShare = 1000;
    const RoundingProgress share = [&](size_t done, size_t total) {
      if (progress) progress(i * kShare + done * kShare / total, roundings.size() * kShare);
    };
    Llama model = inputs.load_model();
    QuantisedTensors tensors = Round(model, inputs, roundings[i], share);
    RoundingCandidate candidate = Measure(model, inputs, roundings[i]);
    if (i == 0 || candidate.mean_nll < best) {
      best = candidate.mean_nll;
      chosen.rounding = roundings[i];
      chosen.tensors = std::move(tensors);
    }
    chosen.candidates.push_back(std::move(candidate));
  }
  return chosen;
}

}  // namespace elm
