// FLAP (An et al. 2023, arXiv 2312.11983): fluctuation-based adaptive structured pruning.
//
// A channel that goes into W_o or W_down and hardly changes from token to token can give way to its
// mean. Its score is the sample variance of the channel times the squared norm of its column
// (WIFV). Scores are standardised over the channels of each layer and block; a unit's is the mean
// of its channels. All units of the model are ranked together, each with the weights it holds, so
// that layers keep what they need (AL-AM). What removed channels gave on average, W times their
// means, becomes a bias behind the block.
#include <algorithm>
#include <cmath>
#include <utility>

#include "toolchain/baselines/baseline.h"
#include "toolchain/baselines/unit_inputs.h"
#include "toolchain/baselines/unit_levels.h"
#include "toolchain/profile/batches.h"

namespace elm {
namespace {

// Of every channel, float64 [channels].
torch::Tensor Fluctuation(const torch::Tensor& weight, const ChannelMoments& moments,
                          double tokens) {
  return moments.Variance(tokens) * weight.to(torch::kFloat64).square().sum(0);
}

// (x - mean) / standard deviation; zeros where all are equal.
torch::Tensor Standardised(const torch::Tensor& channels) {
  const torch::Tensor centred = channels - channels.mean();
  const double deviation = channels.std().item<double>();
  return deviation > 0 ? centred / deviation : torch::zeros_like(channels);
}

// Mean over each unit's channels.
std::vector<double> OfUnits(const torch::Tensor& channels, int64_t unit_size) {
  return Doubles(channels.view({-1, unit_size}).mean(1));
}

// One unit of the whole model's ranking.
struct RankedUnit {
  double score;
  uint32_t layer;
  bool group;
  uint64_t weights;
};

class Flap {
 public:
  explicit Flap(const BaselineInputs& inputs)
      : inputs_(inputs),
        config_(inputs.model.config()),
        found_(MeasureUnitInputs(inputs)),
        scores_(StartUnitScores(config_)) {
    Score();
    std::stable_sort(ranking_.begin(), ranking_.end(),
                     [](const RankedUnit& a, const RankedUnit& b) { return a.score > b.score; });
  }

  PrunedModel Prune() const {
    const UnitOrder order = OrderByScores(config_, scores_);
    PrunedModel pruned{inputs_.model.Reordered(order), {}};
    for (const uint32_t name : inputs_.names) {
      PrunedLevel& level = pruned.levels.emplace_back();
      level.level = LevelOf(name);
      level.share = TrueShare(config_, level.level);
      for (uint32_t layer = 0; layer < config_.layers; ++layer) {
        level.biases.push_back(BiasOf(layer, level.level.layers[layer], order.layers[layer]));
      }
    }
    return pruned;
  }

 private:
  void Score() {
    const uint64_t group_weights = SliceWeights(config_, {config_.queries_per_kv(), 1, 0});
    const uint64_t neuron_weights = SliceWeights(config_, {0, 0, 1});
    MetricSums& sums = scores_.of(ScoreMetric::kToken);
    for (uint32_t layer = 0; layer < config_.layers; ++layer) {
      const LlamaLayer& weights = inputs_.model.layers[layer];
      const torch::Tensor heads = Fluctuation(weights.output, found_.output[layer], found_.tokens);
      const torch::Tensor neurons = Fluctuation(weights.down, found_.down[layer], found_.tokens);
      const std::vector<double> group_scores = OfUnits(heads, GroupChannels());
      const std::vector<double> neuron_scores = OfUnits(neurons, 1);
      std::copy(group_scores.begin(), group_scores.end(),
                sums.groups.begin() + layer * config_.kv_heads);
      std::copy(neuron_scores.begin(), neuron_scores.end(),
                sums.neurons.begin() + layer * config_.neurons);
      for (const double score : OfUnits(Standardised(heads), GroupChannels())) {
        ranking_.push_back({score, layer, true, group_weights});
      }
      for (const double score : OfUnits(Standardised(neurons), 1)) {
        ranking_.push_back({score, layer, false, neuron_weights});
      }
    }
  }

  int64_t GroupChannels() const { return int64_t{config_.queries_per_kv()} * config_.head_dim; }

  // The first units of the ranking, as many as come closest to the share.
  Level LevelOf(uint32_t name) const {
    uint64_t all = 0;
    for (const RankedUnit& unit : ranking_) all += unit.weights;
    const double target = name / 1000.0 * static_cast<double>(all);
    Level level{name, std::vector<LayerSlice>(config_.layers)};
    double kept = 0;
    for (const RankedUnit& unit : ranking_) {
      const auto weights = static_cast<double>(unit.weights);
      if (std::abs(kept + weights - target) > std::abs(kept - target)) break;
      kept += weights;
      LayerSlice& slice = level.layers[unit.layer];
      if (unit.group) {
        slice.query_heads += config_.queries_per_kv();
        ++slice.kv_heads;
      } else {
        ++slice.neurons;
      }
    }
    for (LayerSlice& slice : level.layers) {
      slice.neurons = AtLeast(slice.neurons, std::min(inputs_.least_neurons, config_.neurons));
    }
    return level;
  }

  // W times the means of what the layer no longer has; undefined where it has everything.
  LayerBias BiasOf(uint32_t layer, const LayerSlice& slice, const LayerOrder& order) const {
    const LlamaLayer& weights = inputs_.model.layers[layer];
    return {.attention = Compensation(weights.output, found_.output[layer], GroupChannels(),
                                      order.kv_heads, slice.kv_heads),
            .mlp = Compensation(weights.down, found_.down[layer], 1, order.neurons, slice.neurons)};
  }

  // `order` of units of `unit_size` channels, of which the first `kept` stay.
  torch::Tensor Compensation(const torch::Tensor& weight, const ChannelMoments& moments,
                             int64_t unit_size, const std::vector<uint32_t>& order,
                             uint32_t kept) const {
    if (kept == order.size()) return {};
    const std::vector<int64_t> removed(order.begin() + kept, order.end());
    torch::Tensor means =
        torch::zeros({static_cast<int64_t>(order.size()), unit_size}, moments.sum.options());
    const torch::Tensor index = torch::tensor(removed, torch::kInt64).to(means.device());
    means.index_copy_(0, index,
                      moments.Mean(found_.tokens).view({-1, unit_size}).index_select(0, index));
    return torch::mv(weight.to(torch::kFloat64), means.flatten()).to(weight.scalar_type());
  }

  const BaselineInputs& inputs_;
  const ModelConfig config_;
  const UnitInputs found_;
  UnitScores scores_;
  std::vector<RankedUnit> ranking_;
};

}  // namespace

std::vector<PrunedModel> PruneByFluctuation(const BaselineInputs& inputs) {
  const torch::NoGradGuard no_grad;
  return {Flap(inputs).Prune()};
}

}  // namespace elm
