// The adapters of several levels in training, on the same batches.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "formats/model/level_table.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/recover/adapter_parameters.h"
#include "toolchain/recover/frozen_llama.h"
#include "toolchain/recover/recover_options.h"
#include "toolchain/training/batch_tensors.h"
#include "toolchain/training/training_stream.h"

namespace elm {

class ProcessGroup;

// Whom the levels learn from, and what belongs to them beside their slices.
struct TrainingSetting {
  const FrozenLlama* teacher = nullptr;                 // nullptr: the levels' own model, whole
  std::span<const std::vector<LayerBias>> biases = {};  // [levels of the table][layers], or empty
};

// One level's adapter, and what Adam (Kingma and Ba 2015) remembers of it.
struct LevelTraining {
  const Level* level = nullptr;
  std::span<const LayerBias> biases;  // [layers] or empty
  AdapterParameters parameters;
  torch::Tensor flat;  // [parameters.count()] float32, on the device, like the moments
  torch::Tensor first_moment;
  torch::Tensor second_moment;
};

// How a run with these options cuts its examples into batches: of one size each, so that matrix
// products have few shapes.
StreamOptions StreamOptionsOf(const RecoverOptions& options, const ModelConfig& config);

// Examples to measure on, as many together as fit `rows`.
std::vector<MicroBatch> ToMicroBatches(std::span<const TrainingExample> examples, int64_t rows);

// Sums over tokens of weight * loss, and of the weights.
struct WeightedSum {
  double loss = 0;
  double weight = 0;

  double mean() const { return weight > 0 ? loss / weight : 0; }
};

class AdapterTrainer {
 public:
  // `model` and what `setting` names must outlive this; `group` may be nullptr. `options` are
  // resolved: a learning rate, a type. Throws elm::Error for a rank larger than a slice.
  AdapterTrainer(const FrozenLlama& model, const LevelTable& levels, std::span<const size_t> chosen,
                 const RecoverOptions& options, ProcessGroup* group,
                 const TrainingSetting& setting = {});

  std::vector<LevelTraining>& levels() { return levels_; }
  // Updates made so far, by whichever sitting: the optimiser's corrections depend on them.
  void set_updates(int64_t updates) { updates_ = updates; }

  // One update of every level, `done` of all training before it. Returns the objective's mean over
  // the step for each level; it is not finite, and the level has not been moved, when loss or
  // gradient are not.
  std::vector<double> Update(const TrainingStep& step, double done);

  // The objective's mean over `batches` for each level.
  std::vector<double> Measure(std::span<const MicroBatch> batches);

 private:
  // Runs every level over the batches of this process. `gradients` [levels][batches], or empty.
  std::vector<WeightedSum> RunAll(std::span<const MicroBatch> batches, double scale,
                                  std::vector<std::vector<torch::Tensor>>* gradients);
  // `part` is the place of the batch in its step.
  WeightedSum RunLevel(const LevelTraining& level, const BatchTensors& batch, size_t part,
                       const torch::Tensor& teacher, torch::Tensor* gradient) const;
  // What the level drops in the next update from the batch at place `part`.
  AdapterDropout DropoutOf(const LevelTraining& level, size_t part) const;
  void MoveAlong(LevelTraining& level, torch::Tensor gradient, double rate);

  const FrozenLlama& model_;
  const FrozenLlama& teacher_;
  const RecoverOptions options_;
  ProcessGroup* const group_;
  std::vector<LevelTraining> levels_;
  WorkerPool pool_;
  int64_t updates_ = 0;
};

}  // namespace elm
