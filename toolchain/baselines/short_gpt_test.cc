#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/baselines/stream_similarity.h"
#include "toolchain/baselines/testing/tiny_baseline.h"

namespace elm {
namespace {

using ::testing::ElementsAre;

// Block Influence by its definition, token by token.
TEST(ShortGpt, SimilarityIsTheMeanCosineOfALayersInputAndOutput) {
  const TinyBaseline tiny;
  const torch::NoGradGuard no_grad;
  const StreamSimilarity similarity = MeasureSimilarity(tiny.Inputs({500}));
  const torch::Tensor ids = AllWindows(tiny.calibration);
  const torch::Tensor before = tiny.model.RunLayers(tiny.model.Embed(ids), 0, 2).flatten(0, 1);
  const torch::Tensor behind = tiny.model.RunLayers(tiny.model.Embed(ids), 0, 3).flatten(0, 1);
  double sum = 0;
  for (int64_t token = 0; token < before.size(0); ++token) {
    const torch::Tensor a = before[token].to(torch::kFloat64);
    const torch::Tensor b = behind[token].to(torch::kFloat64);
    sum += torch::dot(a, b).item<double>() / (a.norm() * b.norm()).item<double>();
  }
  EXPECT_NEAR(similarity.layers[2], sum / static_cast<double>(before.size(0)), 1e-5);
}

TEST(ShortGpt, LayersThatChangeTheStreamLeastGoFirst) {
  TinyBaseline tiny;
  for (const size_t layer : {1U, 4U}) {
    tiny.SilenceAttention(layer);
    tiny.SilenceMlp(layer);
  }
  const std::vector<PrunedModel> models = SkipLayersByInfluence(tiny.Inputs({667}));
  EXPECT_THAT(SkippedLayers(models.front().levels.front().level), ElementsAre(1, 4));
  EXPECT_NEAR(models.front().levels.front().share, 2.0 / 3, 1e-9);
}

}  // namespace
}  // namespace elm
