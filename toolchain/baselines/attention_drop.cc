// What Matters in Transformers? Not All Attention is Needed (He et al. 2024, arXiv 2406.15786).
//
// A block's importance is 1 - the cosine similarity of the stream before it and behind it, residual
// connection included. Attention Drop leaves out the attention blocks of least importance. A share
// that is less than the MLP blocks hold takes the paper's Joint Layer Drop: attention and MLP
// blocks ranked together by the same importance.
#include <algorithm>
#include <cmath>

#include "toolchain/baselines/baseline.h"
#include "toolchain/baselines/block_levels.h"
#include "toolchain/baselines/stream_similarity.h"

namespace elm {
namespace {

struct ScoredBlock {
  DroppedBlock block;
  double similarity;
};

// Most similar, so least important, first.
std::vector<DroppedBlock> MostSimilarFirst(std::vector<ScoredBlock> blocks) {
  std::stable_sort(blocks.begin(), blocks.end(), [](const ScoredBlock& a, const ScoredBlock& b) {
    return a.similarity > b.similarity;
  });
  std::vector<DroppedBlock> order;
  for (const ScoredBlock& block : blocks) order.push_back(block.block);
  return order;
}

double ShareWithout(const ModelConfig& config, const std::vector<DroppedBlock>& order, size_t count,
                    uint32_t name) {
  return TrueShare(config, WithoutBlocks(config, order, count, name));
}

}  // namespace

std::vector<PrunedModel> DropAttention(const BaselineInputs& inputs) {
  const ModelConfig& config = inputs.model.config();
  const StreamSimilarity similarity = MeasureSimilarity(inputs);
  std::vector<ScoredBlock> attention;
  std::vector<ScoredBlock> all;
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    attention.push_back({{.layer = layer, .attention = true}, similarity.attention[layer]});
    all.push_back(attention.back());
    all.push_back({{.layer = layer, .mlp = true}, similarity.mlp[layer]});
  }
  const std::vector<DroppedBlock> alone = MostSimilarFirst(std::move(attention));
  const std::vector<DroppedBlock> joint = MostSimilarFirst(std::move(all));

  const double least = ShareWithout(config, alone, alone.size(), 1000);
  PrunedModel pruned{inputs.model, {}};
  for (const uint32_t name : inputs.names) {
    const bool reachable = name / 1000.0 >= least;
    const std::vector<DroppedBlock>& order = reachable ? alone : joint;
    const size_t count = BlocksToDrop(config, order, name);
    PrunedLevel& level = pruned.levels.emplace_back();
    level.level = WithoutBlocks(config, order, count, name);
    level.share = ShareWithout(config, order, count, name);
    if (!reachable) level.note = "by Joint Layer Drop: all attention is less than has to go";
  }
  return {std::move(pruned)};
}

}  // namespace elm
