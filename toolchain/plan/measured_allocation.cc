#include "toolchain/plan/measured_allocation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace elm {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
// Shares of the weights are told apart to an eightieth of a point.
constexpr int kCells = 8000;

// A count of units that a block may keep.
struct Choice {
  uint32_t kept;
  uint64_t weights;
  double loss;
};

// All choices of one block, ascending in `kept`.
using Block = std::vector<Choice>;

// The loss at `kept` units, on straight lines between what was measured. Noise that makes a larger
// cut look better than a smaller one is taken out.
double LossAt(std::vector<BlockLoss> measured, uint32_t kept) {
  for (size_t i = measured.size() - 1; i > 0; --i) {
    measured[i - 1].increase = std::max(measured[i - 1].increase, measured[i].increase);
  }
  for (size_t i = 0; i + 1 < measured.size(); ++i) {
    const BlockLoss& low = measured[i];
    const BlockLoss& high = measured[i + 1];
    if (kept > high.kept) continue;
    const double way = static_cast<double>(kept - low.kept) / (high.kept - low.kept);
    return low.increase + way * (high.increase - low.increase);
  }
  return measured.back().increase;
}

std::vector<Block> MakeBlocks(const ModelConfig& config, UnitPolicy policy, uint32_t neuron_snap,
                              const std::vector<std::vector<uint16_t>>& kv_of,
                              const BlockLosses& losses) {
  const uint32_t step = policy == UnitPolicy::kKvGroup ? config.queries_per_kv() : 1;
  std::vector<Block> blocks;
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    Block& heads = blocks.emplace_back();
    for (uint32_t kept = 0; kept <= config.query_heads; kept += step) {
      const LayerSlice slice{kept, KvHeadsNeeded(kv_of[layer], kept), 0};
      heads.push_back({kept, SliceWeights(config, slice), LossAt(losses.heads[layer], kept)});
    }
    Block& neurons = blocks.emplace_back();
    for (uint32_t kept = 0;; kept = std::min(kept + neuron_snap, config.neurons)) {
      neurons.push_back(
          {kept, SliceWeights(config, {0, 0, kept}), LossAt(losses.neurons[layer], kept)});
      if (kept == config.neurons) break;
    }
  }
  return blocks;
}

// One index into each block's choices.
using Choices = std::vector<size_t>;

class Knapsack {
 public:
  explicit Knapsack(const std::vector<Block>& blocks) : blocks_(blocks) {
    for (const Block& block : blocks) all_ += static_cast<double>(block.back().weights);
  }

  double LossOf(const Choices& allocation) const {
    double loss = 0;
    for (size_t i = 0; i < blocks_.size(); ++i) loss += blocks_[i][allocation[i]].loss;
    return loss;
  }

  // The least loss whose weights come closest to `share` of all, with choices between `least` and
  // `most`.
  Choices Solve(double share, const Choices& least, const Choices& most) const {
    // best[i][w]: least loss of the first i blocks with w cells of weights.
    std::vector<std::vector<double>> best(blocks_.size() + 1,
                                          std::vector<double>(kCells + 1, kNever));
    best[0][0] = 0;
    for (size_t i = 0; i < blocks_.size(); ++i) {
      for (size_t choice = least[i]; choice <= most[i]; ++choice) {
        const int cells = Cells(i, choice);
        const double loss = blocks_[i][choice].loss;
        for (int w = cells; w <= kCells; ++w) {
          best[i + 1][w] = std::min(best[i + 1][w], best[i][w - cells] + loss);
        }
      }
    }
    return Trace(best, Closest(best.back(), share), least, most);
  }

 private:
  int Cells(size_t block, size_t choice) const {
    return static_cast<int>(
        std::lround(static_cast<double>(blocks_[block][choice].weights) / all_ * kCells));
  }

  static int Closest(const std::vector<double>& best, double share) {
    const auto wanted = static_cast<int>(std::lround(share * kCells));
    for (int distance = 0; distance <= kCells; ++distance) {
      // Of two equally far ones, the lighter.
      for (const int cells : {wanted - distance, wanted + distance}) {
        if (cells >= 0 && cells <= kCells && best[cells] < kNever) return cells;
      }
    }
    return 0;
  }

  Choices Trace(const std::vector<std::vector<double>>& best, int cells, const Choices& least,
                const Choices& most) const {
    Choices allocation(blocks_.size());
    for (size_t i = blocks_.size(); i-- > 0;) {
      for (size_t choice = least[i]; choice <= most[i]; ++choice) {
        const int before = cells - Cells(i, choice);
        if (before < 0 || best[i][before] + blocks_[i][choice].loss != best[i + 1][cells]) continue;
        allocation[i] = choice;
        cells = before;
        break;
      }
    }
    return allocation;
  }

  const std::vector<Block>& blocks_;
  double all_ = 0;
};

// The most that a level of that share may keep.
Choices MostOf(const std::vector<Block>& blocks, const std::vector<uint32_t>& core, double share) {
  Choices everything;
  for (const Block& block : blocks) everything.push_back(block.size() - 1);
  if (core.empty() || share >= kCoreBelow) return everything;
  Choices of_core(blocks.size(), 0);
  for (const uint32_t layer : core) {
    for (const size_t block : {2 * layer, 2 * layer + 1}) of_core[block] = everything[block];
  }
  return of_core;
}

struct Solution {
  std::vector<Choices> levels;
  double loss = 0;
};

Solution SolveAll(const std::vector<Block>& blocks, const std::vector<uint32_t>& core,
                  const std::vector<uint32_t>& names, bool from_largest) {
  const Knapsack knapsack(blocks);
  const Choices whole = MostOf(blocks, {}, 1.0);
  Choices least(blocks.size(), 0);
  Choices most = whole;
  Solution solution;
  solution.levels.resize(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const size_t level = from_largest ? names.size() - 1 - i : i;
    const double share = names[level] / 1000.0;
    if (!from_largest) most = MostOf(blocks, core, share);
    Choices& solved = solution.levels[level];
    solved = names[level] == 1000 ? whole : knapsack.Solve(share, least, most);
    solution.loss += knapsack.LossOf(solved);
    (from_largest ? most : least) = solved;
  }
  return solution;
}

}  // namespace

std::vector<std::vector<LayerSlice>> AllocateMeasured(
    const ModelConfig& config, UnitPolicy policy, uint32_t neuron_snap,
    const std::vector<std::vector<uint16_t>>& kv_of, const BlockLosses& losses,
    const std::vector<uint32_t>& core, const std::vector<uint32_t>& names) {
  const std::vector<Block> blocks = MakeBlocks(config, policy, neuron_snap, kv_of, losses);
  Solution best = SolveAll(blocks, core, names, /*from_largest=*/false);
  if (core.empty()) {
    Solution down = SolveAll(blocks, core, names, /*from_largest=*/true);
    if (down.loss <= best.loss) best = std::move(down);
  }
  std::vector<std::vector<LayerSlice>> slices;
  for (const Choices& allocation : best.levels) {
    std::vector<LayerSlice>& level = slices.emplace_back();
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
      const uint32_t heads = blocks[2 * layer][allocation[2 * layer]].kept;
      const uint32_t neurons = blocks[2 * layer + 1][allocation[2 * layer + 1]].kept;
      level.push_back({heads, KvHeadsNeeded(kv_of[layer], heads), neurons});
    }
  }
  return slices;
}

}  // namespace elm
