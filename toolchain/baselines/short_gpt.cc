// ShortGPT (Men et al. 2024, arXiv 2403.03853): a layer's Block Influence is 1 - the mean cosine
// similarity of each token's hidden state before and behind it; the layers of least influence go.
#include <algorithm>

#include "toolchain/baselines/baseline.h"
#include "toolchain/baselines/block_levels.h"
#include "toolchain/baselines/stream_similarity.h"
#include "toolchain/baselines/unit_levels.h"

namespace elm {

std::vector<PrunedModel> SkipLayersByInfluence(const BaselineInputs& inputs) {
  const std::vector<double> similarity = MeasureSimilarity(inputs).layers;
  std::vector<uint32_t> order = AllLayers(inputs.model.config());
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return similarity[a] > similarity[b]; });
  return {DropBlocks(inputs, WholeLayers(order))};
}

}  // namespace elm
