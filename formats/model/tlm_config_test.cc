#include "formats/model/tlm_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "formats/model/testing/tiny_tlm.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using testing::TinyTlmConfig;

TEST(TlmConfigTest, DerivedSizes) {
  TlmConfig config = TinyTlmConfig();
  EXPECT_TRUE(Validate(config).ok());
  EXPECT_EQ(config.head_dim(), 4U);
  EXPECT_EQ(config.embedding_inputs(), 24U);
  EXPECT_EQ(config.stored_layers(), 3U);
  config.trigram = false;
  EXPECT_EQ(config.embedding_inputs(), 8U);
}

TEST(TlmConfigTest, AllLayersOrNoneMayBeShared) {
  for (const uint32_t shared : {0U, 2U}) {
    TlmConfig config = TinyTlmConfig();
    config.shared_layers = shared;
    EXPECT_TRUE(Validate(config).ok()) << shared;
  }
}

TEST(TlmConfigTest, EveryFieldHasARange) {
  struct Field {
    const char* name;
    uint32_t TlmConfig::*member;
    uint32_t too_small;
    uint32_t too_large;
  };
  const Field fields[] = {
      {"vocab", &TlmConfig::vocab, 0, TlmLimits::kVocab + 1},
      {"positions", &TlmConfig::positions, 15, TlmLimits::kPositions + 1},
      {"token_types", &TlmConfig::token_types, 1, TlmLimits::kTokenTypes + 1},
      {"embedding", &TlmConfig::embedding, 0, TlmLimits::kWidth + 1},
      {"hidden", &TlmConfig::hidden, 0, TlmLimits::kWidth + 1},
      {"bottleneck", &TlmConfig::bottleneck, 0, TlmLimits::kWidth + 1},
      {"heads", &TlmConfig::heads, 0, TlmLimits::kHeads + 1},
      {"intermediate", &TlmConfig::intermediate, 0, TlmLimits::kWidth + 1},
      {"feed_forwards", &TlmConfig::feed_forwards, 0, TlmLimits::kFeedForwards + 1},
      {"layers", &TlmConfig::layers, 0, TlmLimits::kLayers + 1},
      {"shared_layers", &TlmConfig::shared_layers, 3, 3},
      {"prompt_levels", &TlmConfig::prompt_levels, 0, TlmLimits::kLevels + 1},
      {"model_levels", &TlmConfig::model_levels, 0, TlmLimits::kLevels + 1},
  };
  for (const Field& field : fields) {
    for (const uint32_t value : {field.too_small, field.too_large}) {
      TlmConfig config = TinyTlmConfig();
      config.*field.member = value;
      EXPECT_THAT(Validate(config).message(), HasSubstr(StrCat(field.name, " is ", value)));
    }
  }
}

TEST(TlmConfigTest, HeadsDivideTheBottleneck) {
  TlmConfig config = TinyTlmConfig();
  config.heads = 3;
  EXPECT_THAT(Validate(config).message(), HasSubstr("bottleneck is 8, not a multiple of heads 3"));
}

TEST(TlmConfigTest, EpsilonIsAPositiveNumber) {
  for (const float epsilon : {0.0F, -1.0F, std::numeric_limits<float>::quiet_NaN(),
                              std::numeric_limits<float>::infinity()}) {
    TlmConfig config = TinyTlmConfig();
    config.norm_epsilon = epsilon;
    EXPECT_THAT(Validate(config).message(), HasSubstr("norm_epsilon")) << epsilon;
  }
}

}  // namespace
}  // namespace elm
