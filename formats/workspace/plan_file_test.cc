#include "formats/workspace/plan_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/base/mapped_file.h"
#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;

ModelConfig SmallConfig() {
  ModelConfig config;
  config.layers = 2;
  config.width = 8;
  config.query_heads = 4;
  config.kv_heads = 2;
  config.head_dim = 2;
  config.neurons = 3;
  config.vocab = 10;
  config.context = 16;
  return config;
}

// Layer 0 is an anchor; layer 1 mixes the query heads of both KV heads.
ElasticPlan SmallPlan() {
  ElasticPlan plan;
  plan.order.layers = {{{2, 3, 0, 1}, {1, 0}, {2, 1, 0}}, {{3, 0, 2, 1}, {1, 0}, {0, 1, 2}}};
  for (const LayerOrder& layer : plan.order.layers) {
    plan.levels.kv_of.push_back(KvOf(layer, SmallConfig()));
  }
  plan.levels.anchors = {0};
  plan.levels.levels = {{600, {{4, 2, 3}, {1, 1, 0}}}, {1000, {{4, 2, 3}, {4, 2, 3}}}};
  return plan;
}

class PlanFileTest : public ::testing::Test {
 protected:
  Status SaveAndLoad(const ElasticPlan& plan, const ModelConfig& config = SmallConfig()) {
    ELM_RETURN_IF_ERROR(SavePlan(path_, plan));
    return LoadPlan(path_, config).status();
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.Path("plan.h5");
};

TEST_F(PlanFileTest, RoundTripIsDeterministic) {
  ASSERT_TRUE(SavePlan(path_, SmallPlan()).ok());
  const Result<ElasticPlan> loaded = LoadPlan(path_, SmallConfig());
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_EQ(*loaded, SmallPlan());
  const std::string bytes = *ReadFile(path_, 1 << 20);
  ASSERT_TRUE(SavePlan(path_, *loaded).ok());
  EXPECT_EQ(*ReadFile(path_, 1 << 20), bytes);
}

TEST_F(PlanFileTest, NoAnchorsRoundTrip) {
  ElasticPlan plan = SmallPlan();
  plan.levels.anchors.clear();
  ASSERT_TRUE(SavePlan(path_, plan).ok());
  const Result<ElasticPlan> loaded = LoadPlan(path_, SmallConfig());
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_EQ(*loaded, plan);
}

TEST_F(PlanFileTest, RefusesAnotherModel) {
  ModelConfig config = SmallConfig();
  config.neurons = 4;
  EXPECT_THAT(SaveAndLoad(SmallPlan(), config).message(),
              HasSubstr("order.neurons: has the shape [2, 3], expected [2, 4]"));
  config = SmallConfig();
  config.layers = 3;
  EXPECT_FALSE(SaveAndLoad(SmallPlan(), config).ok());
}

TEST_F(PlanFileTest, RefusesATableThatIsNotNested) {
  ElasticPlan plan = SmallPlan();
  plan.levels.levels.insert(plan.levels.levels.begin(), {500, {{4, 2, 3}, {2, 2, 3}}});
  EXPECT_THAT(SaveAndLoad(plan).message(), HasSubstr("levels are nested"));
}

TEST_F(PlanFileTest, RefusesAnOrderThatIsNoPermutation) {
  ElasticPlan plan = SmallPlan();
  plan.order.layers[0].neurons = {0, 0, 1};
  const Status status = SaveAndLoad(plan);
  EXPECT_EQ(status.code(), StatusCode::kCorruption);
  EXPECT_THAT(status.message(), HasSubstr(path_));
}

TEST_F(PlanFileTest, RefusesTableAndOrderThatDisagree) {
  ElasticPlan plan = SmallPlan();
  plan.levels.kv_of[1] = {0, 0, 1, 1};
  EXPECT_THAT(SaveAndLoad(plan).message(),
              HasSubstr("layer 1: kv_of contradicts the order of query heads"));
}

TEST_F(PlanFileTest, RefusesRaggedRows) {
  ElasticPlan plan = SmallPlan();
  plan.order.layers[1].neurons.pop_back();
  EXPECT_FALSE(SavePlan(path_, plan).ok());
  EXPECT_TRUE(directory_.Entries().empty());
}

}  // namespace
}  // namespace elm
