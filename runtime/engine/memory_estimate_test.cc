#include "runtime/engine/memory_estimate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/engine/testing/tiny_model.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

TEST(MemoryEstimateTest, CountsWhatASessionTakes) {
  const auto model = testing::LoadSmallModel(testing::SmallContents()).value();
  const ModelConfig& config = model->config();
  const auto full = EstimateMemory(*model, {.level = "1.0"}).value();
  EXPECT_EQ(full.weights, model->bundle().LevelBytes(model->levels().levels.size() - 1));
  EXPECT_EQ(full.adapter, 0U);
  // Keys and values of every head and position, two bytes each; the context is a multiple of 16.
  EXPECT_EQ(full.kv_cache,
            uint64_t{2} * 2 * config.layers * config.kv_heads * config.head_dim * config.context);
  EXPECT_GT(full.scratch, uint64_t{config.vocab} * sizeof(float));
  EXPECT_EQ(full.total(), full.weights + full.kv_cache + full.scratch);

  const auto small = EstimateMemory(*model, {.level = "0.3", .context = 16}).value();
  EXPECT_LT(small.weights, full.weights);
  EXPECT_EQ(small.kv_cache, full.kv_cache * 16 / config.context);
  EXPECT_LT(small.scratch, full.scratch);
  EXPECT_EQ(EstimateMemory(*model, {.kv = KvType::kF32}).value().kv_cache, 2 * full.kv_cache);
  EXPECT_LT(EstimateMemory(*model, {.kv = KvType::kQ8}).value().kv_cache, full.kv_cache);
}

TEST(MemoryEstimateTest, FailsAsTheSessionWould) {
  const auto model = testing::LoadSmallModel(testing::SmallContents()).value();
  EXPECT_FALSE(EstimateMemory(*model, {.level = "0.77"}).ok());
  EXPECT_FALSE(EstimateMemory(*model, {.context = model->config().context + 1}).ok());
}

TEST(MemoryEstimateTest, WhatIsNotAvailableIsRefused) {
  MemoryEstimate estimate;
  estimate.weights = uint64_t{1} << 40;  // mapped: may exceed memory
  estimate.kv_cache = 300 << 20;
  estimate.scratch = 20 << 20;
  EXPECT_TRUE(CheckFits(estimate, 4096, std::nullopt).ok());
  EXPECT_TRUE(CheckFits(estimate, 4096, 320 << 20).ok());
  const Status status = CheckFits(estimate, 4096, 319 << 20);
  EXPECT_EQ(status.code(), StatusCode::kOutOfMemory);
  EXPECT_THAT(status.message(), HasSubstr("4096 tokens takes 300 MiB of KV cache"));
  EXPECT_THAT(status.message(), HasSubstr("319 MiB are available"));
}

TEST(MemoryEstimateTest, TheSystemSaysWhatIsAvailable) {
  const auto available = AvailableMemory();
  ASSERT_TRUE(available.has_value());
  EXPECT_GT(*available, uint64_t{1} << 20);
}

}  // namespace
}  // namespace elm
