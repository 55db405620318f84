// Layer-wise elastification: the baseline "LE" of the ElastiLM paper. A level skips the layers
// whose absence costs least, each measured alone.
#include <algorithm>

#include "toolchain/baselines/baseline.h"
#include "toolchain/baselines/block_levels.h"
#include "toolchain/plan/anchors.h"

namespace elm {

std::vector<PrunedModel> SkipLayersByLoss(const BaselineInputs& inputs) {
  const LayerScores scores =
      ProfileLayers(inputs.model, inputs.calibration, 0, inputs.calibration.count(),
                    {.batch = inputs.batch}, inputs.progress);
  std::vector<uint32_t> order = LayersByImportance(scores);
  std::reverse(order.begin(), order.end());
  return {DropBlocks(inputs, WholeLayers(order))};
}

}  // namespace elm
