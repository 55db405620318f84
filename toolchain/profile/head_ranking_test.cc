// Do gate gradients rank the heads of a trained model as their removal does?
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/token_windows.h"
#include "elm/elm.hpp"
#include "formats/base/mapped_file.h"
#include "formats/base/testing/assets.h"
#include "toolchain/base/error.h"
#include "toolchain/eval/rank_correlation.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/profile/profile.h"

namespace elm {
namespace {

constexpr const char* kModel = "models/stories3M";
constexpr const char* kTokenizer = "models/stories3M/tokenizer.model";
constexpr const char* kText = "text/tinystories_valid_794k.txt";

// The text's stories, whose separators are lost: each begins at a line with one of the usual
// openings.
std::string ReadStories(const std::string& path) {
  std::ifstream text(path);
  std::string stories;
  for (std::string line; std::getline(text, line);) {
    for (const std::string_view opening : {"Once upon a time", "One day, a", "There was"}) {
      if (line.starts_with(opening)) stories += "<|endoftext|>\n";
    }
    stories += line + "\n";
  }
  return stories;
}

TokenWindows StoryWindows() {
  const std::string model_file = AssetPath(kTokenizer);
  const auto tokenizer =
      ValueOrThrow(Tokenizer::Load(ValueOrThrow(ReadFile(model_file, uint64_t{1} << 24))));
  WindowOptions options;
  options.length = 129;
  options.max_windows = 64;
  options.bos_id = tokenizer->bos_id();
  const auto encode = [&](std::string_view text) { return tokenizer->Encode(text); };
  return ValueOrThrow(CutTextWindows(ReadStories(AssetPath(kText)), kText, encode, options));
}

std::vector<double> Absolute(std::vector<double> values) {
  for (double& value : values) value = std::abs(value);
  return values;
}

TEST(HeadRankingTest, GateGradientsRankHeadsAsTheirRemovalDoes) {
  for (const char* asset : {kModel, kText}) {
    if (AssetPath(asset).empty()) GTEST_SKIP() << MissingAsset(asset);
  }
  SetTorchThreads(1);
  const auto checkpoint = ValueOrThrow(OpenCheckpoint(AssetPath(kModel)));
  const Llama model = Llama::Load(*checkpoint, torch::kCPU, torch::kFloat32);
  const TokenWindows windows = StoryWindows();
  ASSERT_EQ(windows.count(), 64U);
  const UnitScores scores = ProfileUnits(
      model, windows, 0, 64, {.batch = 16, .weight_gradient = true, .exact_heads = true});
  const std::vector<double> exact = Absolute(scores.of(ScoreMetric::kExact).heads);
  ASSERT_EQ(exact.size(), 36U);
  const auto correlation = [&](ScoreMetric metric) {
    return RankCorrelation(scores.of(metric).heads, exact);
  };
  std::printf(
      "rank correlation with removal: sequence %.3f, squared %.3f, token %.3f, "
      "weight-gradient %.3f; nll %.4f\n",
      correlation(ScoreMetric::kSequence), correlation(ScoreMetric::kSquared),
      correlation(ScoreMetric::kToken), correlation(ScoreMetric::kWeightGradient),
      scores.loss_sum / static_cast<double>(scores.sequences));
  EXPECT_GE(correlation(ScoreMetric::kSequence), 0.75);
}

}  // namespace
}  // namespace elm
