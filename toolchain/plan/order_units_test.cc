#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "toolchain/plan/plan.h"
#include "toolchain/plan/testing/random_scores.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::SmallConfig;

// One layer, four query heads on two KV heads, five neurons.
ModelConfig OneLayer() {
  ModelConfig config = SmallConfig();
  config.layers = 1;
  config.query_heads = 4;
  config.kv_heads = 2;
  config.neurons = 5;
  return config;
}

UnitScores OneLayerScores() {
  UnitScores scores = UnitScores::ForModel(OneLayer());
  scores.sequences = 1;
  scores.of(ScoreMetric::kToken) = {{0.1, 0.7, 0.9, 0.3}, {0.4, 0.8}, {2, 5, 1, 5, 9}};
  return scores;
}

PlanOptions ByPolicy(UnitPolicy policy) {
  PlanOptions options;
  options.policy = policy;
  return options;
}

// The published artifact sorted ascending and so kept what matters least.
TEST(OrderUnitsTest, MostImportantComesFirst) {
  const Result<UnitOrder> order =
      OrderUnits(OneLayer(), OneLayerScores(), ByPolicy(UnitPolicy::kQueryHead));
  ASSERT_TRUE(order.ok()) << order.status().ToString();
  EXPECT_THAT(order->layers[0].query_heads, ElementsAre(2, 1, 3, 0));
  EXPECT_THAT(order->layers[0].kv_heads, ElementsAre(1, 0)) << "by first use";
  EXPECT_THAT(order->layers[0].neurons, ElementsAre(4, 1, 3, 0, 2)) << "ties keep their order";
}

TEST(OrderUnitsTest, GroupsMoveWhole) {
  const Result<UnitOrder> order =
      OrderUnits(OneLayer(), OneLayerScores(), ByPolicy(UnitPolicy::kKvGroup));
  ASSERT_TRUE(order.ok()) << order.status().ToString();
  EXPECT_THAT(order->layers[0].kv_heads, ElementsAre(1, 0));
  EXPECT_THAT(order->layers[0].query_heads, ElementsAre(2, 3, 0, 1));
}

TEST(OrderUnitsTest, EqualScoresKeepTheOriginalOrder) {
  UnitScores scores = UnitScores::ForModel(OneLayer());
  scores.sequences = 1;
  scores.of(ScoreMetric::kToken) = {std::vector<double>(4, 1.0), std::vector<double>(2, 1.0),
                                    std::vector<double>(5, 1.0)};
  for (UnitPolicy policy : {UnitPolicy::kKvGroup, UnitPolicy::kQueryHead}) {
    EXPECT_EQ(*OrderUnits(OneLayer(), scores, ByPolicy(policy)), IdentityOrder(OneLayer()));
  }
}

TEST(OrderUnitsTest, SignedSumsOfExactRemovalCountByMagnitude) {
  UnitScores scores = OneLayerScores();
  scores.of(ScoreMetric::kExact) = {{0.1, -0.7, 0.5, -0.2}, {}, {1, 2, 3, 4, 5}};
  PlanOptions options = ByPolicy(UnitPolicy::kQueryHead);
  options.metric = ScoreMetric::kExact;
  const Result<UnitOrder> order = OrderUnits(OneLayer(), scores, options);
  ASSERT_TRUE(order.ok()) << order.status().ToString();
  EXPECT_THAT(order->layers[0].query_heads, ElementsAre(1, 2, 3, 0));
}

TEST(OrderUnitsTest, MissingMetricSaysHowToGetIt) {
  PlanOptions options;
  options.metric = ScoreMetric::kWeightGradient;
  const Status status = OrderUnits(OneLayer(), OneLayerScores(), options).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("weight-gradient.groups: was not measured; profile again "
                                          "with weight gradients switched on"));
  options.metric = ScoreMetric::kExact;
  EXPECT_THAT(OrderUnits(OneLayer(), OneLayerScores(), options).status().message(),
              HasSubstr("exact removal measures heads only"));
}

TEST(OrderUnitsTest, RefusesScoresOfAnotherModelAndNoNumbers) {
  ModelConfig other = OneLayer();
  other.neurons = 6;
  EXPECT_THAT(OrderUnits(other, OneLayerScores(), {}).status().message(),
              HasSubstr("neurons is 5, the model has 6"));
  UnitScores scores = OneLayerScores();
  scores.of(ScoreMetric::kToken).neurons[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(OrderUnits(OneLayer(), scores, {}).status().message(),
              HasSubstr("token.neurons[3] is nan"));
  scores = OneLayerScores();
  scores.of(ScoreMetric::kToken).groups.pop_back();
  EXPECT_THAT(OrderUnits(OneLayer(), scores, {}).status().message(),
              HasSubstr("token.groups: has 1 values, expected 2"));
}

TEST(UnitPolicyTest, NamesRoundTrip) {
  for (UnitPolicy policy : {UnitPolicy::kKvGroup, UnitPolicy::kQueryHead}) {
    EXPECT_EQ(ParseUnitPolicy(UnitPolicyName(policy)), policy);
  }
  EXPECT_EQ(ParseUnitPolicy("group"), std::nullopt);
}

}  // namespace
}  // namespace elm
