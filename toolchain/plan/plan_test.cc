#include "toolchain/plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/plan/testing/random_scores.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::RandomLayerScores;
using testing::RandomUnitScores;
using testing::SevenBillion;
using testing::SmallConfig;

struct Input {
  ModelConfig config;
  UnitScores unit_scores;
  LayerScores layer_scores;
  PlanOptions options;

  Result<PlanResult> Plan() const { return MakePlan(config, unit_scores, layer_scores, options); }
};

Input WithConfig(const ModelConfig& config, uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  return {config, RandomUnitScores(config, random), RandomLayerScores(config, random), {}};
}

uint32_t Between(uint32_t low, uint32_t high, std::mt19937_64& random) {
  return low + static_cast<uint32_t>(random() % (high - low + 1));
}

// MHA, GQA or MQA, 1 to 32 layers, any number of neurons, any levels and anchors.
Input RandomInput(uint64_t seed) {
  std::mt19937_64 random(seed);
  ModelConfig config = SmallConfig();
  config.layers = Between(1, 32, random);
  config.kv_heads = Between(1, 8, random);
  config.query_heads = config.kv_heads * Between(1, 6, random);
  config.head_dim = 2 * Between(1, 32, random);
  config.width = 8 * Between(1, 64, random);
  config.neurons = Between(1, 700, random);
  Input input{config, RandomUnitScores(config, random), RandomLayerScores(config, random), {}};
  input.options.policy = random() % 2 == 0 ? UnitPolicy::kKvGroup : UnitPolicy::kQueryHead;
  input.options.neuron_snap = random() % 2 == 0 ? 32 : Between(1, 64, random);
  input.options.anchor_share = static_cast<double>(random() % 60) / 100;
  if (random() % 2 == 0) return input;
  std::vector<uint32_t>& levels = input.options.levels;
  for (uint32_t& level : levels) level = Between(1, 1000, random);
  std::sort(levels.begin(), levels.end());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  return input;
}

// Within each layer scores fall along the order, and ties keep the original order.
void ExpectDescending(const std::vector<uint32_t>& order, const double* scores) {
  for (size_t i = 1; i < order.size(); ++i) {
    const double before = scores[order[i - 1]];
    const double after = scores[order[i]];
    ASSERT_TRUE(before > after || (before == after && order[i - 1] < order[i]));
  }
}

void ExpectOrdered(const Input& input, const UnitOrder& order) {
  const ModelConfig& config = input.config;
  const MetricSums& scores = input.unit_scores.of(input.options.metric);
  ASSERT_TRUE(Validate(order, config).ok());
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    const LayerOrder& units = order.layers[layer];
    ExpectDescending(units.neurons, &scores.neurons[size_t{layer} * config.neurons]);
    if (input.options.policy == UnitPolicy::kKvGroup) {
      ExpectDescending(units.kv_heads, &scores.groups[size_t{layer} * config.kv_heads]);
    } else {
      ExpectDescending(units.query_heads, &scores.heads[size_t{layer} * config.query_heads]);
    }
  }
}

// A stored query head reads the stored place of the KV head that it read in the checkpoint.
void ExpectHeadsKeepTheirKvHead(const ModelConfig& config, const ElasticPlan& plan) {
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    const LayerOrder& order = plan.order.layers[layer];
    for (uint32_t head = 0; head < config.query_heads; ++head) {
      const uint32_t stored_kv = plan.levels.kv_of[layer][head];
      ASSERT_EQ(order.kv_heads[stored_kv], order.query_heads[head] / config.queries_per_kv());
    }
  }
}

void ExpectLevelsAreUniformAndSnapped(const Input& input, const LevelTable& table) {
  const uint32_t per_unit =
      input.options.policy == UnitPolicy::kKvGroup ? input.config.queries_per_kv() : 1;
  for (const Level& level : table.levels) {
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    for (uint32_t layer = 0; layer < input.config.layers; ++layer) {
      const LayerSlice& slice = level.layers[layer];
      ASSERT_EQ(slice.query_heads % per_unit, 0U);
      ASSERT_TRUE(slice.neurons % *input.options.neuron_snap == 0 ||
                  slice.neurons == input.config.neurons);
      if (std::binary_search(table.anchors.begin(), table.anchors.end(), layer)) {
        ASSERT_EQ(slice.query_heads, input.config.query_heads);
        ASSERT_EQ(slice.neurons, input.config.neurons);
        continue;
      }
      least = std::min(least, slice.query_heads / per_unit);
      most = std::max(most, slice.query_heads / per_unit);
    }
    ASSERT_TRUE(least == UINT32_MAX || most - least <= 1);
  }
}

void ExpectHonestReports(const Input& input, const PlanResult& result) {
  size_t kept = 0;
  for (const LevelReport& report : result.reports) {
    const double error = std::abs(report.reached_share - report.name_permille / 1000.0);
    ASSERT_EQ(report.met, error <= kLevelTolerance);
    ASSERT_EQ(report.note.empty(), report.met && !report.merged) << report.note;
    if (report.merged) continue;
    const Level& level = result.plan.levels.levels[kept++];
    ASSERT_EQ(level.name_permille, report.name_permille);
    ASSERT_DOUBLE_EQ(TrueShare(input.config, level), report.reached_share);
  }
  ASSERT_EQ(kept, result.plan.levels.levels.size());
}

// Where no unit weighs more than half a point and the anchors leave room, every level is met.
void ExpectMetWhereUnitsAllow(const Input& input, const PlanResult& result) {
  const ModelConfig& config = input.config;
  const LayerSlice whole{config.query_heads, config.kv_heads, config.neurons};
  const auto all = static_cast<double>(config.layers * SliceWeights(config, whole));
  const uint32_t heads = input.options.policy == UnitPolicy::kKvGroup ? config.queries_per_kv() : 1;
  const auto unit = static_cast<double>(SliceWeights(config, {heads, 1, 0})) / all;
  const auto snap =
      static_cast<double>(SliceWeights(config, {0, 0, *input.options.neuron_snap})) / all;
  if (unit > kLevelTolerance / 2 || snap > kLevelTolerance / 2) return;
  const double anchors = static_cast<double>(result.plan.levels.anchors.size()) / config.layers;
  for (const LevelReport& report : result.reports) {
    ASSERT_TRUE(report.met || report.name_permille / 1000.0 < anchors) << report.note;
  }
}

void ExpectDifferentLevels(const LevelTable& table) {
  for (size_t i = 1; i < table.levels.size(); ++i) {
    ASSERT_NE(table.levels[i].layers, table.levels[i - 1].layers);
  }
}

TEST(MakePlanTest, HoldsItsPromisesForRandomModels) {
  for (uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    const Input input = RandomInput(seed);
    const Result<PlanResult> result = input.Plan();
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    const LevelTable& table = result->plan.levels;
    ASSERT_TRUE(Validate(table, input.config).ok());  // nested, anchors whole, full level full
    ASSERT_NO_FATAL_FAILURE(ExpectOrdered(input, result->plan.order));
    ASSERT_NO_FATAL_FAILURE(ExpectHeadsKeepTheirKvHead(input.config, result->plan));
    ASSERT_NO_FATAL_FAILURE(ExpectLevelsAreUniformAndSnapped(input, table));
    ASSERT_NO_FATAL_FAILURE(ExpectHonestReports(input, *result));
    ASSERT_NO_FATAL_FAILURE(ExpectMetWhereUnitsAllow(input, *result));
    ASSERT_NO_FATAL_FAILURE(ExpectDifferentLevels(table));
    EXPECT_EQ(result->plan, input.Plan()->plan) << "the same input gives the same plan";
  }
}

TEST(MakePlanTest, DefaultLevelsOfASmallModelAreMet) {
  for (UnitPolicy policy : {UnitPolicy::kKvGroup, UnitPolicy::kQueryHead}) {
    Input input = WithConfig(SmallConfig());
    input.options.policy = policy;
    const Result<PlanResult> result = input.Plan();
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->plan.levels.anchors.size(), 1U);
    for (const LevelReport& report : result->reports) EXPECT_TRUE(report.met) << report.note;
    EXPECT_EQ(result->plan.levels.levels.size(), 9U);
  }
}

TEST(MakePlanTest, SevenBillionPlansInUnderASecond) {
  Input input = WithConfig(SevenBillion());
  for (UnitPolicy policy : {UnitPolicy::kKvGroup, UnitPolicy::kQueryHead}) {
    input.options.policy = policy;
    const auto start = std::chrono::steady_clock::now();
    const Result<PlanResult> result = input.Plan();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    ASSERT_TRUE(result.ok());
    EXPECT_LT(seconds.count(), 1.0);
    EXPECT_EQ(result->plan.levels.anchors.size(), 6U);
    for (const LevelReport& report : result->reports) {
      EXPECT_NEAR(report.reached_share, report.name_permille / 1000.0, 1e-4);
    }
  }
}

TEST(MakePlanTest, PlanSurvivesItsFile) {
  const testing::TemporaryDirectory directory;
  Input input = WithConfig(SmallConfig());
  input.options.policy = UnitPolicy::kQueryHead;
  const ElasticPlan plan = input.Plan()->plan;
  ASSERT_TRUE(SavePlan(directory.Path("plan.h5"), plan).ok());
  const Result<ElasticPlan> loaded = LoadPlan(directory.Path("plan.h5"), input.config);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_EQ(*loaded, plan);
}

TEST(MakePlanTest, LevelBelowTheAnchorsIsReportedAsWhatItIs) {
  Input input = WithConfig(SmallConfig());
  input.options.anchors = std::vector<uint32_t>{4, 0, 1};
  input.options.levels = {200, 300, 700};
  const Result<PlanResult> result = input.Plan();
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->plan.levels.anchors, ElementsAre(0, 1, 4));
  const LevelReport& lowest = result->reports[0];
  EXPECT_DOUBLE_EQ(lowest.reached_share, 0.5);
  EXPECT_FALSE(lowest.met);
  EXPECT_TRUE(lowest.merged) << "0.2 and 0.3 both come out as the anchors alone";
  EXPECT_THAT(lowest.note, HasSubstr("the anchor layers alone hold 0.5000 of the weights"));
  EXPECT_THAT(lowest.note, HasSubstr("came out equal to level 0.3 and was merged with it"));
  const LevelReport& kept = result->reports[1];
  EXPECT_FALSE(kept.merged);
  EXPECT_FALSE(kept.met);
  EXPECT_TRUE(result->reports[2].met);
  EXPECT_EQ(result->plan.levels.levels.front().name_permille, 300U);
  EXPECT_EQ(result->plan.levels.levels.front().layers[2], LayerSlice{});
}

TEST(MakePlanTest, CoarseUnitsMergeUnderTheNearestName) {
  ModelConfig config = SmallConfig();
  config.layers = 1;
  config.query_heads = 2;
  config.kv_heads = 2;
  Input input = WithConfig(config);
  input.options.neuron_snap = 256;
  input.options.levels = {480, 500, 990};
  const Result<PlanResult> result = input.Plan();
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->reports[0].merged);
  EXPECT_THAT(result->reports[0].note, HasSubstr("the units are too coarse"));
  EXPECT_TRUE(result->reports[1].met);
  EXPECT_DOUBLE_EQ(result->reports[1].reached_share, 0.5);
  EXPECT_TRUE(result->reports[2].merged) << "0.99 is the full level";
  EXPECT_THAT(result->reports[2].note, HasSubstr("merged with it"));
  ASSERT_EQ(result->plan.levels.levels.size(), 2U);
  EXPECT_EQ(result->plan.levels.levels[0].name_permille, 500U);
}

TEST(MakePlanTest, AllLayersAnchoredLeavesTheFullLevel) {
  Input input = WithConfig(SmallConfig());
  input.options.anchors = std::vector<uint32_t>{0, 1, 2, 3, 4, 5};
  const Result<PlanResult> result = input.Plan();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  ASSERT_EQ(result->plan.levels.levels.size(), 1U);
  EXPECT_EQ(result->reports.size(), 9U);
  EXPECT_FALSE(result->reports[8].merged);
}

TEST(MakePlanTest, LevelsAreSortedAndTheFullOneIsAdded) {
  Input input = WithConfig(SmallConfig());
  input.options.levels = {700, 300};
  const Result<PlanResult> result = input.Plan();
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->reports.size(), 3U);
  EXPECT_EQ(result->reports[0].name_permille, 300U);
  EXPECT_EQ(result->reports[1].name_permille, 700U);
  EXPECT_EQ(result->reports[2].name_permille, 1000U);
}

TEST(MakePlanTest, SingleQueryHeadsPayForTheKvHeadsThatTheyBring) {
  ModelConfig config = SmallConfig();
  config.layers = 1;
  config.query_heads = 4;
  config.kv_heads = 2;
  config.neurons = 32;
  Input input = WithConfig(config);
  input.options.policy = UnitPolicy::kQueryHead;
  // Heads 0 and 2 come first: the second query head brings the second KV head.
  input.unit_scores.of(ScoreMetric::kToken).heads = {9, 1, 8, 2};
  const Result<PlanResult> result = input.Plan();
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->plan.order.layers[0].query_heads, ElementsAre(0, 2, 3, 1));
  EXPECT_THAT(result->plan.levels.kv_of[0], ElementsAre(0, 1, 1, 0));
  for (const Level& level : result->plan.levels.levels) {
    const LayerSlice& slice = level.layers[0];
    EXPECT_EQ(slice.kv_heads, std::min(slice.query_heads, 2U));
  }
}

TEST(MakePlanTest, RefusesBadOptions) {
  const Input good = WithConfig(SmallConfig());
  const auto message = [&](const auto& change) {
    Input input = good;
    change(input);
    const Status status = input.Plan().status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  };
  using In = Input&;
  EXPECT_THAT(message([](In in) { in.options.levels = {0, 500}; }), HasSubstr("level 0.0: "));
  EXPECT_THAT(message([](In in) { in.options.levels = {1200}; }), HasSubstr("level 1.2: "));
  EXPECT_THAT(message([](In in) {
                in.options.levels = {500, 200, 500};
              }),
              HasSubstr("level 0.5 is listed twice"));
  EXPECT_THAT(message([](In in) {
                in.options.levels.clear();
                for (uint32_t i = 1; i <= 70; ++i) in.options.levels.push_back(i);
              }),
              HasSubstr("71 levels are listed, at most 64"));
  EXPECT_THAT(message([](In in) { in.options.anchors = std::vector<uint32_t>{6}; }),
              HasSubstr("anchor layer 6: the model's layers are 0 to 5"));
  EXPECT_THAT(message([](In in) {
                in.options.anchors = std::vector<uint32_t>{2, 2};
              }),
              HasSubstr("anchor layer 2 is listed twice"));
  for (double share : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(message([&](In in) { in.options.anchor_share = share; }),
                HasSubstr("expected at least 0 and less than 1"));
  }
  EXPECT_THAT(message([](In in) { in.options.neuron_snap = 0U; }), HasSubstr("neuron snap is 0"));
  EXPECT_THAT(message([](In in) { in.options.metric = ScoreMetric::kSquared; }),
              HasSubstr("squared.groups: was not measured"));
}

TEST(MakePlanTest, RefusesLayerScoresThatDoNotFit) {
  const Input good = WithConfig(SmallConfig());
  Input input = good;
  input.layer_scores.skipped_loss_sum.pop_back();
  EXPECT_THAT(input.Plan().status().message(), HasSubstr("cover 5 layers, the model has 6"));
  input = good;
  input.layer_scores.sequences = 0;
  EXPECT_THAT(input.Plan().status().message(), HasSubstr("measured on no sequence"));
  input = good;
  input.layer_scores.skipped_loss_sum[2] = std::numeric_limits<double>::infinity();
  EXPECT_THAT(input.Plan().status().message(), HasSubstr("layer 2: importance is inf"));
}

TEST(DefaultNeuronSnapTest, LetsWideLayersHaveLongGroups) {
  EXPECT_EQ(DefaultNeuronSnap(172), 32U);
  EXPECT_EQ(DefaultNeuronSnap(512), 32U);
  EXPECT_EQ(DefaultNeuronSnap(2048), 64U);
  EXPECT_EQ(DefaultNeuronSnap(2080), 32U);  // 64 does not divide it
  EXPECT_EQ(DefaultNeuronSnap(5632), 128U);
  EXPECT_EQ(DefaultNeuronSnap(11008), 128U);
}

}  // namespace
}  // namespace elm
