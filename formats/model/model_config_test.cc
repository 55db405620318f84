#include "formats/model/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace elm {
namespace {

using ::testing::HasSubstr;

ModelConfig Valid() {
  return {.layers = 3,
          .width = 64,
          .query_heads = 4,
          .kv_heads = 2,
          .head_dim = 32,
          .neurons = 96,
          .vocab = 100,
          .context = 128};
}

TEST(ModelConfigTest, DerivedSizes) {
  EXPECT_EQ(Valid().query_width(), 128U);
  EXPECT_EQ(Valid().kv_width(), 64U);
  EXPECT_EQ(Valid().queries_per_kv(), 2U);
}

TEST(ModelConfigTest, AcceptsMultiHeadGroupedAndMultiQuery) {
  for (uint32_t kv_heads : {1, 2, 4}) {
    ModelConfig config = Valid();
    config.kv_heads = kv_heads;
    EXPECT_TRUE(Validate(config).ok()) << kv_heads;
  }
}

TEST(ModelConfigTest, CountsHaveLimits) {
  struct Field {
    const char* name;
    uint32_t ModelConfig::*member;
    uint32_t limit;
  };
  const Field fields[] = {
      {"layers", &ModelConfig::layers, ModelLimits::kLayers},
      {"width", &ModelConfig::width, ModelLimits::kWidth},
      {"query_heads", &ModelConfig::query_heads, ModelLimits::kHeads},
      {"kv_heads", &ModelConfig::kv_heads, ModelLimits::kHeads},
      {"head_dim", &ModelConfig::head_dim, ModelLimits::kHeadDim},
      {"neurons", &ModelConfig::neurons, ModelLimits::kNeurons},
      {"vocab", &ModelConfig::vocab, ModelLimits::kVocab},
      {"context", &ModelConfig::context, ModelLimits::kContext},
  };
  for (const Field& field : fields) {
    for (uint32_t bad : {0U, field.limit + 1, std::numeric_limits<uint32_t>::max()}) {
      ModelConfig config = Valid();
      config.*field.member = bad;
      const Status status = Validate(config);
      EXPECT_EQ(status.code(), StatusCode::kCorruption) << field.name;
      EXPECT_THAT(status.message(), HasSubstr(StrCat(field.name, " is ", bad)));
    }
  }
}

TEST(ModelConfigTest, NamesTheBrokenRule) {
  struct Case {
    void (*damage)(ModelConfig&);
    const char* message;
  };
  const Case cases[] = {
      {[](ModelConfig& c) { c.kv_heads = 3; }, "query_heads is 4, not a multiple of kv_heads 3"},
      {[](ModelConfig& c) { c.kv_heads = 8; }, "query_heads is 4, not a multiple of kv_heads 8"},
      {[](ModelConfig& c) { c.head_dim = 7; }, "head_dim is 7"},
      {[](ModelConfig& c) { c.rope_theta = 0; }, "rope_theta is 0"},
      {[](ModelConfig& c) { c.rope_theta = std::numeric_limits<float>::infinity(); },
       "rope_theta is inf"},
      {[](ModelConfig& c) { c.rms_epsilon = -1e-5F; }, "rms_epsilon is -1e-05"},
      {[](ModelConfig& c) { c.rms_epsilon = std::numeric_limits<float>::quiet_NaN(); },
       "rms_epsilon is nan"},
  };
  EXPECT_TRUE(Validate(Valid()).ok());
  for (const Case& c : cases) {
    ModelConfig config = Valid();
    c.damage(config);
    const Status status = Validate(config);
    EXPECT_EQ(status.code(), StatusCode::kCorruption) << c.message;
    EXPECT_THAT(status.message(), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace elm
