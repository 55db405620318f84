#include "toolchain/pretrain/pretrain_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "toolchain/base/error.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

std::string RefusalOf(const PretrainOptions& options) {
  try {
    Validate(options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(PretrainOptions, TheDefaultsAreGood) { EXPECT_EQ(RefusalOf({}), ""); }

TEST(PretrainOptions, NonsenseIsNamed) {
  PretrainOptions options;
  options.word_drop_share = 1.5;
  EXPECT_THAT(RefusalOf(options), HasSubstr("--word-drop-share is 1.5"));
  options = {};
  options.learning_rate = -1;
  EXPECT_THAT(RefusalOf(options), HasSubstr("--learning-rate is -1"));
  options = {};
  options.copy_tokens = options.tokens;
  EXPECT_THAT(RefusalOf(options), HasSubstr("--copy-tokens"));
  options = {};
  options.dtype = "float8";
  EXPECT_THAT(RefusalOf(options), HasSubstr("float8"));
  options = {};
  options.model.kv_heads = 3;
  EXPECT_THAT(RefusalOf(options), HasSubstr("kv_heads"));
}

TEST(PretrainOptions, TheLearningRateRisesRestsAndFalls) {
  PretrainOptions options;
  options.tokens = 10'000'000;
  options.copy_tokens = 2'000'000;
  options.warmup_tokens = 1'000'000;
  options.learning_rate = 1e-3;
  EXPECT_NEAR(LearningRate(options, 0), 2e-6, 1e-7) << "the first update moves";
  EXPECT_NEAR(LearningRate(options, 500'000), 5e-4, 1e-5);
  EXPECT_DOUBLE_EQ(LearningRate(options, 1'000'000), 1e-3);
  EXPECT_DOUBLE_EQ(LearningRate(options, 1'999'999), 1e-3) << "constant while copying";
  EXPECT_NEAR(LearningRate(options, 6'000'000), 5.5e-4, 1e-6) << "half of the cosine";
  EXPECT_DOUBLE_EQ(LearningRate(options, 10'000'000), 1e-4);
  EXPECT_DOUBLE_EQ(LearningRate(options, 11'000'000), 1e-4);
}

TEST(PretrainOptions, TheRecipeHoldsWhatDecidesTheWeights) {
  PretrainOptions options;
  const nlohmann::json before = Recipe(options);
  options.output = "elsewhere";
  options.threads = 7;
  options.checkpoint_minutes = 9;
  EXPECT_EQ(Recipe(options), before);
  options.seed = 5;
  EXPECT_NE(Recipe(options), before);
}

}  // namespace
}  // namespace elm
