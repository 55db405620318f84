// The predictors of contextual sparsity (Deja Vu, Liu et al. 2023, arXiv 2310.17157): for every
// block a small network of two layers that sees what the block reads and says which of its units
// the token will need.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "toolchain/base/libtorch.h"
#include "toolchain/baselines/sparse_gates.h"

namespace elm {

// The predictors of one level: logits = U relu(D x) + b, of rank width / 4.
class SparsityPredictor {
 public:
  explicit SparsityPredictor(const ModelConfig& config);

  int64_t count() const { return count_; }
  int64_t rank() const { return rank_; }

  // A new vector [count()] float32; equal seeds give equal vectors. The biases are the log-odds of
  // the share of units that count.
  torch::Tensor Initial(const std::vector<ActiveUnits>& active, uint64_t seed) const;

  // The matrices of one block's predictor, as views of a flat vector or as leaves of a graph.
  struct Block {
    torch::Tensor down;  // [rank, width]
    torch::Tensor up;    // [units, rank]
    torch::Tensor bias;  // [units]

    // x [..., width] -> logits [..., units].
    torch::Tensor Logits(const torch::Tensor& x) const;
  };
  // Blocks of all layers: attention (units are KV groups), then MLP, layer by layer.
  std::vector<Block> View(const torch::Tensor& flat) const;
  // Backward passes add to `gradient` [count()].
  std::vector<Block> Leaves(const torch::Tensor& flat, const torch::Tensor& gradient) const;

 private:
  ModelConfig config_;
  int64_t rank_;
  int64_t count_ = 0;
};

// A level's trained predictor.
struct TrainedPredictor {
  torch::Tensor flat;  // [SparsityPredictor::count()]
  // Of the units that the oracle would have chosen, the part that was found, over the last tenth of
  // the training: of KV groups, of neurons.
  double found_groups = 0;
  double found_neurons = 0;
};

// Trains the predictors of all levels `active` [levels][layers] on inputs.examples, each block by
// the cross-entropy of whether a unit is among those that contribute most. Goes on from a state in
// inputs.folder, or returns what it finds there finished.
std::vector<TrainedPredictor> TrainPredictors(const BaselineInputs& inputs,
                                              const std::vector<std::vector<ActiveUnits>>& active);

// Chooses by a predictor.
class PredictedGating : public UnitGating {
 public:
  PredictedGating(const ModelConfig& config, const torch::Tensor& flat,
                  std::vector<ActiveUnits> active)
      : config_(config),
        blocks_(SparsityPredictor(config).View(flat)),
        active_(std::move(active)) {}
  torch::Tensor Heads(size_t layer, const torch::Tensor& input,
                      const torch::Tensor& outputs) const override;
  torch::Tensor Neurons(size_t layer, const torch::Tensor& input,
                        const torch::Tensor& outputs) const override;

 private:
  const ModelConfig config_;
  const std::vector<SparsityPredictor::Block> blocks_;
  const std::vector<ActiveUnits> active_;  // [layers]
};

}  // namespace elm
