// What recovery trains of one level: all matrices of its adapter in one float32 vector, so that an
// optimiser step, a checkpoint and a sum over processes are one operation each.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/elm/adapter_plan.h"
#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/model/lora_adapter.h"

namespace elm {

class AdapterParameters {
 public:
  // Throws elm::Error when `rank` is larger than a side of a matrix that the level keeps: there is
  // nothing of lower rank to add.
  AdapterParameters(const ModelConfig& config, const Level& level, uint32_t rank, double alpha);

  int64_t count() const { return count_; }
  uint32_t rank() const { return rank_; }
  double scale() const { return scale_; }

  // A new vector [count()] float32: every A uniform in +-1 / sqrt(columns), every B zero, so that
  // training begins at the level as it is. Equal seeds give equal vectors on every device.
  torch::Tensor Initial(uint64_t seed, torch::Device device) const;

  // The adapter whose matrices are views of `flat` [count()].
  LoraAdapter View(const torch::Tensor& flat) const;

  // The same with a leaf of the graph for each matrix; backward passes add their gradients to the
  // same places of `gradient` [count()].
  LoraAdapter Leaves(const torch::Tensor& flat, const torch::Tensor& gradient) const;

 private:
  struct Matrix {
    AdapterPart part;
    uint32_t layer;
    int64_t offset;
    int64_t rows;
    int64_t columns;
  };
  torch::Tensor MatrixOf(const torch::Tensor& flat, const Matrix& matrix) const;

  uint32_t rank_;
  double scale_;
  size_t layers_;
  std::vector<Matrix> matrices_;  // in the order of AdapterPlan
  int64_t count_ = 0;
};

// True for the A of any product.
bool IsDownProjection(AdapterPart part);

}  // namespace elm
