#include "runtime/bench/work.h"

#include <gtest/gtest.h>

#include "formats/model/testing/mobilebert_shape.h"
#include "runtime/engine/testing/tiny_model.h"

namespace elm {
namespace {

const TensorSpec& SpecOf(const BundleView& view, TensorRole role) {
  for (const BundleTensor& tensor : view.tensors) {
    if (tensor.spec.role == role) return tensor.spec;
  }
  return view.tensors.front().spec;
}

uint64_t SizeOf(const BundleView& view, TensorRole role) {
  uint64_t size = 0;
  for (const BundleTensor& tensor : view.tensors) {
    if (tensor.spec.role == role) size += tensor.size;
  }
  return size;
}

TEST(WorkTest, AllButTheEmbeddingAndOneRowOfIt) {
  const auto model = testing::LoadSmallModel(testing::SmallContents());
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  const BundleView& view = (*model)->bundle().view();
  const size_t full = view.levels.levels.size() - 1;
  const LevelWork work = WorkOf(view, full);
  const uint64_t embedding = SizeOf(view, TensorRole::kEmbedding);
  EXPECT_EQ(work.token_bytes,
            (*model)->bundle().LevelBytes(full) - embedding + embedding / view.config.vocab);

  uint64_t weights = 0;
  for (const BundleTensor& tensor : view.tensors) {
    const TensorRole role = tensor.spec.role;
    if (tensor.spec.is_vector() || role == TensorRole::kEmbedding || role == TensorRole::kHead) {
      continue;
    }
    weights += tensor.spec.rows * tensor.spec.columns;
  }
  EXPECT_EQ(work.layer_weights, weights);
  const TensorSpec& head = SpecOf(view, TensorRole::kHead);
  EXPECT_EQ(work.head_weights, head.rows * head.columns);
}

TEST(WorkTest, ATiedHeadIsReadOnce) {
  BundleContents contents = testing::SmallContents();
  contents.config.tied_head = true;
  const auto model = testing::LoadSmallModel(contents);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_EQ(WorkOf((*model)->bundle().view(), 2).token_bytes, (*model)->bundle().LevelBytes(2));
}

TEST(WorkTest, LowerLevelsDoLess) {
  const auto model = testing::LoadSmallModel(testing::SmallContents());
  ASSERT_TRUE(model.ok());
  const BundleView& view = (*model)->bundle().view();
  for (size_t level = 1; level < view.levels.levels.size(); ++level) {
    EXPECT_LT(WorkOf(view, level - 1).token_bytes, WorkOf(view, level).token_bytes);
    EXPECT_LT(WorkOf(view, level - 1).layer_weights, WorkOf(view, level).layer_weights);
    EXPECT_EQ(WorkOf(view, level - 1).head_weights, WorkOf(view, level).head_weights);
  }
}

TEST(WorkTest, AnAdapterIsReadWhole) {
  BundleContents contents = testing::SmallContents();
  contents.adapters.push_back({.level = 0, .rank = 4, .scale = 1});
  const auto model = testing::LoadSmallModel(contents);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  const BundleView& view = (*model)->bundle().view();
  ASSERT_NE(AdapterOf(view, 0), nullptr);
  EXPECT_EQ(AdapterOf(view, 1), nullptr);
  EXPECT_EQ(WorkOf(view, 0).token_bytes - WorkOf(view, 0, /*use_adapter=*/false).token_bytes,
            AdapterOf(view, 0)->plan.size);
  EXPECT_EQ(WorkOf(view, 1).token_bytes, WorkOf(view, 1, /*use_adapter=*/false).token_bytes);
}

TEST(WorkTest, Operations) {
  const LevelWork work = {.token_bytes = 1, .layer_weights = 100, .head_weights = 10};
  EXPECT_EQ(work.Operations(1, 1), 220);
  EXPECT_EQ(work.Operations(512, 1), 2 * (512 * 100 + 10));
}

TEST(WorkTest, BitsPerWeight) {
  for (const WeightType type : {WeightType::kF32, WeightType::kF16, WeightType::kBf16}) {
    const auto model = testing::LoadSmallModel(testing::SmallContents(type));
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    const WeightSummary summary = SummariseWeights((*model)->bundle().view());
    EXPECT_EQ(summary.main_type, type);
    ASSERT_EQ(summary.types.size(), 1U);
    EXPECT_EQ(summary.types.front().second, 1);
    // Tiles are rounded up: this shape fills few of them.
    EXPECT_GE(summary.bits_per_weight, ElementBits(type));
    EXPECT_LT(summary.bits_per_weight, 2 * ElementBits(type));
  }
}

// MobileBERT's layer has 835,584 weights.
TEST(WorkTest, TinyLmCountsWhatItsBranchesRun) {
  const TlmConfig config = testing::MobileBertConfig();
  const double projection = 512.0 * 384;
  const double layer = 835584;
  EXPECT_EQ(TlmOperations(config, 100, true, false), 200 * (projection + 24 * layer));
  const double last_finish = layer - 3 * 128 * 512 - 2 * 128 * 128;
  EXPECT_EQ(TlmOperations(config, 100, false, true),
            200 * (projection + 24 * layer - last_finish) + 2 * last_finish);
  EXPECT_EQ(TlmOperations(config, 100, true, true), TlmOperations(config, 100, true, false) +
                                                        TlmOperations(config, 100, false, true) -
                                                        200 * (projection + 12 * layer));
}

}  // namespace
}  // namespace elm
