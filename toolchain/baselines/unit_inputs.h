// What comes out of every unit on the calibration: the inputs of W_o and W_down.
#pragma once

#include <vector>

#include "toolchain/base/libtorch.h"
#include "toolchain/baselines/baseline.h"

namespace elm {

// Over all tokens, channel by channel, float64.
struct ChannelMoments {
  torch::Tensor sum;      // [channels]
  torch::Tensor squares;  // [channels]

  torch::Tensor Mean(double tokens) const { return sum / tokens; }
  // The sample variance.
  torch::Tensor Variance(double tokens) const {
    return (squares - sum.square() / tokens).clamp_min(0) / (tokens - 1);
  }
};

struct UnitInputs {
  std::vector<ChannelMoments> output;  // [layers] of [query_heads * head_dim]
  std::vector<ChannelMoments> down;    // [layers] of [neurons]
  double tokens = 0;
};

// Of the model at the units' own order.
UnitInputs MeasureUnitInputs(const BaselineInputs& inputs);

}  // namespace elm
