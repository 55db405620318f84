#include "toolchain/profile/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "toolchain/base/error.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/profile/unit_metrics.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pointwise;
using ::testing::SizeIs;

// Relative, with an absolute floor for values near 0.
MATCHER_P(NearRelative, tolerance, "") {
  const double expected = std::get<1>(arg);
  return std::abs(std::get<0>(arg) - expected) <= tolerance * (std::abs(expected) + 1e-3);
}

class ProfileTest : public ::testing::Test {
 protected:
  ProfileTest() { SetTorchThreads(1); }

  // Stored in shuffled order, so that query heads and KV heads are not in contiguous groups.
  const ModelConfig config_ = TinyConfig();
  const Llama model_ = RandomLlama(config_, 41).Reordered(RandomOrder(config_, false, 42));
  const TokenWindows windows_ = RandomWindows(config_, 7, 13, 43);
  const torch::Tensor ids_ = AllWindows(windows_);
};

// dL/dgate of one sequence by gates of shape [units], or [1, tokens, units] with `tokens` > 0.
std::vector<LayerGates> GateGradients(const Llama& model, const torch::Tensor& sequence,
                                      int64_t tokens) {
  std::vector<LayerGates> gates(model.layers.size());
  std::vector<torch::Tensor> leaves;
  const auto open = [&](int64_t units) {
    torch::Tensor gate = tokens > 0 ? torch::ones({1, tokens, units}) : torch::ones({units});
    return leaves.emplace_back(gate.requires_grad_(true));
  };
  for (LayerGates& layer : gates) {
    layer.heads = open(model.config().query_heads);
    layer.neurons = open(model.config().neurons);
  }
  const torch::Tensor loss = model.SequenceLoss(sequence, {.gates = gates}).sum();
  const std::vector<torch::Tensor> gradients = torch::autograd::grad({loss}, leaves);
  for (size_t layer = 0; layer < gates.size(); ++layer) {
    gates[layer].heads = gradients[2 * layer];
    gates[layer].neurons = gradients[2 * layer + 1];
  }
  return gates;
}

TEST_F(ProfileTest, SequenceMetricsAreTheGradientsOfOneGatePerUnit) {
  const UnitScores scores = ProfileUnits(model_, windows_, 2, 7, {.batch = 2});
  std::vector<double> heads(18), squared(18), groups(6), neurons(60);
  for (int64_t sequence = 2; sequence < 7; ++sequence) {
    const std::vector<LayerGates> gradients =
        GateGradients(model_, ids_.narrow(0, sequence, 1), /*tokens=*/0);
    for (size_t layer = 0; layer < 3; ++layer) {
      std::vector<double> group_gradients(2);
      for (size_t head = 0; head < 6; ++head) {
        const auto gradient = gradients[layer].heads[static_cast<int64_t>(head)].item<double>();
        heads[layer * 6 + head] += std::abs(gradient);
        squared[layer * 6 + head] += gradient * gradient;
        group_gradients[model_.layers[layer].kv_of[head]] += gradient;
      }
      for (size_t group = 0; group < 2; ++group) {
        groups[layer * 2 + group] += std::abs(group_gradients[group]);
      }
      AddRows(gradients[layer].neurons.abs().unsqueeze(0), layer * 20, neurons);
    }
  }
  EXPECT_EQ(scores.sequences, 5U);
  EXPECT_THAT(scores.of(ScoreMetric::kSequence).heads, Pointwise(NearRelative(1e-3), heads));
  EXPECT_THAT(scores.of(ScoreMetric::kSequence).groups, Pointwise(NearRelative(1e-3), groups));
  EXPECT_THAT(scores.of(ScoreMetric::kSequence).neurons, Pointwise(NearRelative(1e-3), neurons));
  EXPECT_THAT(scores.of(ScoreMetric::kSquared).heads, Pointwise(NearRelative(1e-3), squared));
  EXPECT_NEAR(scores.loss_sum, model_.SequenceLoss(ids_.slice(0, 2)).sum().item<double>(), 1e-4);
}

TEST_F(ProfileTest, TokenMetricAddsTheTokensAbsoluteGradients) {
  const UnitScores scores = ProfileUnits(model_, windows_, 0, 3, {.batch = 3});
  std::vector<double> heads(18), neurons(60);
  for (int64_t sequence = 0; sequence < 3; ++sequence) {
    const std::vector<LayerGates> gradients =
        GateGradients(model_, ids_.narrow(0, sequence, 1), /*tokens=*/13);
    for (size_t layer = 0; layer < 3; ++layer) {
      AddRows(gradients[layer].heads.abs().sum(1), layer * 6, heads);
      AddRows(gradients[layer].neurons.abs().sum(1), layer * 20, neurons);
      // The last token predicts nothing, so its gates matter nothing.
      EXPECT_EQ(gradients[layer].heads[0][12].abs().max().item<double>(), 0);
    }
  }
  EXPECT_THAT(scores.of(ScoreMetric::kToken).heads, Pointwise(NearRelative(1e-3), heads));
  EXPECT_THAT(scores.of(ScoreMetric::kToken).neurons, Pointwise(NearRelative(1e-3), neurons));
}

TEST_F(ProfileTest, OnlyMetricsThatWereAskedForAreThere) {
  const UnitScores plain = ProfileUnits(model_, windows_, 0, 2, {});
  EXPECT_THAT(plain.of(ScoreMetric::kToken).groups, SizeIs(6));
  EXPECT_THAT(plain.of(ScoreMetric::kExact).heads, IsEmpty());
  EXPECT_THAT(plain.of(ScoreMetric::kWeightGradient).neurons, IsEmpty());
  const UnitScores all =
      ProfileUnits(model_, windows_, 0, 2, {.weight_gradient = true, .exact_heads = true});
  EXPECT_THAT(all.of(ScoreMetric::kExact).heads, SizeIs(18));
  EXPECT_THAT(all.of(ScoreMetric::kExact).groups, SizeIs(6));
  EXPECT_THAT(all.of(ScoreMetric::kExact).neurons, IsEmpty());
  EXPECT_THAT(all.of(ScoreMetric::kWeightGradient).neurons, SizeIs(60));
  EXPECT_EQ(all.of(ScoreMetric::kToken), plain.of(ScoreMetric::kToken));
}

// Sum over the sequences of L(heads of `layer` with gate 0) - L.
double Increase(const Llama& model, const torch::Tensor& ids, size_t layer,
                const torch::Tensor& gate) {
  torch::NoGradGuard no_grad;
  std::vector<LayerGates> gates(model.layers.size());
  gates[layer].heads = gate;
  return (model.SequenceLoss(ids, {.gates = gates}) - model.SequenceLoss(ids)).sum().item<double>();
}

TEST_F(ProfileTest, ExactScoresAreTheSignedLossIncreaseOfEachRemoval) {
  const UnitScores scores = ProfileUnits(model_, windows_, 0, 7, {.exact_heads = true});
  const MetricSums& exact = scores.of(ScoreMetric::kExact);
  int negative = 0;
  for (size_t layer = 0; layer < 3; ++layer) {
    std::vector<torch::Tensor> group_gates = {torch::ones(6), torch::ones(6)};
    for (int64_t head = 0; head < 6; ++head) {
      torch::Tensor gate = torch::ones(6);
      gate[head] = 0;
      group_gates[model_.layers[layer].kv_of[static_cast<size_t>(head)]][head] = 0;
      const double expected = Increase(model_, ids_, layer, gate);
      EXPECT_NEAR(exact.heads[layer * 6 + static_cast<size_t>(head)], expected, 1e-4);
      if (expected < -1e-3) ++negative;
    }
    EXPECT_NEAR(exact.groups[layer * 2], Increase(model_, ids_, layer, group_gates[0]), 1e-4);
    EXPECT_NEAR(exact.groups[layer * 2 + 1], Increase(model_, ids_, layer, group_gates[1]), 1e-4);
  }
  EXPECT_GT(negative, 0);  // random heads also harm: the sums keep their sign
}

TEST_F(ProfileTest, WithOneQueryHeadPerKvHeadGroupsAreHeads) {
  ModelConfig config = config_;
  config.kv_heads = config.query_heads;
  const Llama model = RandomLlama(config, 44).Reordered(RandomOrder(config, false, 45));
  const UnitScores scores = ProfileUnits(model, windows_, 0, 2, {.exact_heads = true});
  for (const ScoreMetric metric :
       {ScoreMetric::kSequence, ScoreMetric::kToken, ScoreMetric::kExact}) {
    for (size_t layer = 0; layer < 3; ++layer) {
      for (size_t head = 0; head < 6; ++head) {
        const size_t group = model.layers[layer].kv_of[head];
        EXPECT_DOUBLE_EQ(scores.of(metric).groups[layer * 6 + group],
                         scores.of(metric).heads[layer * 6 + head]);
      }
    }
  }
}

TEST_F(ProfileTest, WeightGradientIsTakenSequenceBySequence) {
  const UnitScores scores = ProfileUnits(model_, windows_, 0, 3, {.weight_gradient = true});
  const MetricSums& sums = scores.of(ScoreMetric::kWeightGradient);
  Llama model = model_;
  LlamaLayer& layer = model.layers[1];
  std::vector<torch::Tensor> weights;
  for (torch::Tensor* weight : {&layer.query, &layer.key, &layer.value, &layer.output, &layer.gate,
                                &layer.up, &layer.down}) {
    *weight = weight->detach().requires_grad_(true);
    weights.push_back(*weight);
  }
  double head = 0, group = 0, neuron = 0;
  for (int64_t sequence = 0; sequence < 3; ++sequence) {
    const torch::Tensor loss = model.SequenceLoss(ids_.narrow(0, sequence, 1)).sum();
    const std::vector<torch::Tensor> gradients = torch::autograd::grad({loss}, weights);
    const auto rows = [&](size_t i, int64_t unit, int64_t size) {
      return (weights[i] * gradients[i]).narrow(0, unit * size, size).abs().sum().item<double>();
    };
    const auto columns = [&](size_t i, int64_t unit, int64_t size) {
      return (weights[i] * gradients[i]).narrow(1, unit * size, size).abs().sum().item<double>();
    };
    head += rows(0, 4, 6) + columns(3, 4, 6);
    neuron += rows(4, 11, 1) + rows(5, 11, 1) + columns(6, 11, 1);
    group += rows(1, 1, 6) + rows(2, 1, 6);
    for (int64_t query = 0; query < 6; ++query) {
      if (layer.kv_of[static_cast<size_t>(query)] != 1) continue;
      group += rows(0, query, 6) + columns(3, query, 6);
    }
  }
  EXPECT_NEAR(sums.heads[6 + 4], head, 1e-3 * head);
  EXPECT_NEAR(sums.groups[2 + 1], group, 1e-3 * group);
  EXPECT_NEAR(sums.neurons[20 + 11], neuron, 1e-3 * neuron);
  EXPECT_FALSE(model_.layers[1].query.requires_grad());
}

void ExpectNear(const UnitScores& actual, const UnitScores& expected, double tolerance) {
  EXPECT_EQ(actual.sequences, expected.sequences);
  EXPECT_NEAR(actual.loss_sum, expected.loss_sum, tolerance * expected.loss_sum);
  for (int metric = 0; metric < kScoreMetrics; ++metric) {
    const MetricSums& sums = expected.metrics[metric];
    EXPECT_THAT(actual.metrics[metric].heads, Pointwise(NearRelative(tolerance), sums.heads));
    EXPECT_THAT(actual.metrics[metric].groups, Pointwise(NearRelative(tolerance), sums.groups));
    EXPECT_THAT(actual.metrics[metric].neurons, Pointwise(NearRelative(tolerance), sums.neurons));
  }
}

TEST_F(ProfileTest, TwoPartsMergeIntoTheWhole) {
  const ProfileOptions options{.batch = 2, .weight_gradient = true, .exact_heads = true};
  const UnitScores whole = ProfileUnits(model_, windows_, 0, 7, options);
  UnitScores merged = ProfileUnits(model_, windows_, 0, 4, options);
  ASSERT_TRUE(merged.Merge(ProfileUnits(model_, windows_, 4, 7, options)).ok());
  ExpectNear(merged, whole, 1e-9);  // the same batches: only the order of the sums differs

  const LayerScores whole_layers = ProfileLayers(model_, windows_, 0, 7, options);
  LayerScores merged_layers = ProfileLayers(model_, windows_, 0, 4, options);
  ASSERT_TRUE(merged_layers.Merge(ProfileLayers(model_, windows_, 4, 7, options)).ok());
  EXPECT_THAT(merged_layers.skipped_loss_sum,
              Pointwise(NearRelative(1e-9), whole_layers.skipped_loss_sum));
}

TEST_F(ProfileTest, TheBatchSizeChangesNoMoreThanRounding) {
  const UnitScores one = ProfileUnits(model_, windows_, 0, 7, {.batch = 1, .exact_heads = true});
  const UnitScores all = ProfileUnits(model_, windows_, 0, 7, {.batch = 100, .exact_heads = true});
  ExpectNear(one, all, 5e-3);
}

TEST_F(ProfileTest, TheSameRunGivesTheSameBits) {
  const ProfileOptions options{.batch = 3, .weight_gradient = true, .exact_heads = true};
  const UnitScores first = ProfileUnits(model_, windows_, 0, 7, options);
  const UnitScores second = ProfileUnits(model_, windows_, 0, 7, options);
  for (int metric = 0; metric < kScoreMetrics; ++metric) {
    EXPECT_EQ(first.metrics[metric], second.metrics[metric]);
  }
  EXPECT_EQ(first.loss_sum, second.loss_sum);
}

TEST_F(ProfileTest, LayerScoresAreTheLossesWithALayerSkipped) {
  const LayerScores scores = ProfileLayers(model_, windows_, 1, 6, {.batch = 2});
  const torch::Tensor ids = ids_.slice(0, 1, 6);
  EXPECT_EQ(scores.sequences, 5U);
  EXPECT_NEAR(scores.loss_sum, model_.SequenceLoss(ids).sum().item<double>(), 1e-4);
  ASSERT_THAT(scores.skipped_loss_sum, SizeIs(3));
  for (size_t layer = 0; layer < 3; ++layer) {
    std::vector<bool> skipped(3, false);
    skipped[layer] = true;
    EXPECT_NEAR(scores.skipped_loss_sum[layer],
                model_.SequenceLoss(ids, {.skip_layers = skipped}).sum().item<double>(), 1e-4);
  }
}

TEST_F(ProfileTest, BFloat16GivesSimilarScores) {
  const Llama exact = RandomLlama(config_, 46);
  const Llama rounded = RandomLlama(config_, 46, torch::kBFloat16);
  const UnitScores expected = ProfileUnits(exact, windows_, 0, 7, {});
  const UnitScores scores = ProfileUnits(rounded, windows_, 0, 7, {});
  EXPECT_THAT(scores.of(ScoreMetric::kToken).heads,
              Pointwise(NearRelative(0.1), expected.of(ScoreMetric::kToken).heads));
}

TEST_F(ProfileTest, ProgressCountsTheRangesWindowsAndMayStopIt) {
  std::vector<size_t> done;
  const auto record = [&](size_t now, size_t total) {
    EXPECT_EQ(total, 5U);
    done.push_back(now);
  };
  (void)ProfileUnits(model_, windows_, 1, 6, {.batch = 2}, record);
  EXPECT_THAT(done, ElementsAre(2, 4, 5));
  const auto stop = [](size_t, size_t) { throw std::runtime_error("stop"); };
  EXPECT_THROW((void)ProfileLayers(model_, windows_, 0, 7, {}, stop), std::runtime_error);
}

TEST_F(ProfileTest, AnEmptyRangeAndALossThatIsNotFiniteAreRefused) {
  EXPECT_THROW((void)ProfileUnits(model_, windows_, 3, 3, {}), Error);
  EXPECT_THROW((void)ProfileLayers(model_, windows_, 3, 8, {}), Error);
  Llama broken = model_;
  broken.final_norm = torch::full_like(model_.final_norm, std::numeric_limits<float>::infinity());
  EXPECT_THROW((void)ProfileUnits(broken, windows_, 0, 2, {}), Error);
}

}  // namespace
}  // namespace elm
