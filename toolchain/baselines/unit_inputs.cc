#include "toolchain/baselines/unit_inputs.h"

#include "toolchain/profile/batches.h"

namespace elm {
namespace {

void Add(const torch::Tensor& input, ChannelMoments& moments) {
  const torch::Tensor rows = input.flatten(0, 1).to(torch::kFloat64);
  const torch::Tensor sum = rows.sum(0);
  const torch::Tensor squares = rows.square().sum(0);
  moments.sum = moments.sum.defined() ? moments.sum + sum : sum;
  moments.squares = moments.squares.defined() ? moments.squares + squares : squares;
}

}  // namespace

UnitInputs MeasureUnitInputs(const BaselineInputs& inputs) {
  const torch::NoGradGuard no_grad;
  const Llama& model = inputs.model;
  UnitInputs found;
  found.output.resize(model.layers.size());
  found.down.resize(model.layers.size());
  const InputObserver observer = [&](size_t layer, TensorRole reader, const torch::Tensor& input) {
    if (reader == TensorRole::kOutput) Add(input, found.output[layer]);
    if (reader == TensorRole::kDown) Add(input, found.down[layer]);
  };
  ForEachBatch(model, inputs.calibration, 0, inputs.calibration.count(), inputs.batch,
               inputs.progress, [&](const torch::Tensor& ids) {
                 (void)model.RunLayers(model.Embed(ids), 0, model.layers.size(),
                                       {.observer = &observer});
                 found.tokens += static_cast<double>(ids.numel());
               });
  return found;
}

}  // namespace elm
