#include "runtime/engine/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <vector>

namespace elm {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::map<uint32_t, int> Counts(const SamplingOptions& options, const std::vector<float>& logits,
                               int draws = 4000) {
  Sampler sampler(options, logits.size());
  std::map<uint32_t, int> counts;
  for (int i = 0; i < draws; ++i) ++counts[sampler.Next(logits)];
  return counts;
}

std::set<uint32_t> Drawn(const SamplingOptions& options, const std::vector<float>& logits) {
  std::set<uint32_t> ids;
  for (const auto& [id, count] : Counts(options, logits)) ids.insert(id);
  return ids;
}

// Probabilities 0.4, 0.3, 0.2, 0.1, not in order of id.
const std::vector<float> kLogits = {std::log(0.2F), std::log(0.4F), std::log(0.1F), std::log(0.3F)};

TEST(Sampler, GreedyTakesTheHighestAndTheLowestIdOnATie) {
  Sampler sampler({}, 5);
  EXPECT_EQ(sampler.Next(std::vector<float>{0, 3, 1, 3, 2}), 1U);
  EXPECT_EQ(sampler.Next(std::vector<float>{-kInfinity, -kInfinity}), 0U);
}

TEST(Sampler, NotANumberIsNeverPreferred) {
  const float nan = std::nanf("");
  EXPECT_EQ(Sampler({}, 3).Next(std::vector<float>{nan, -5, nan}), 1U);
  EXPECT_EQ(Drawn({.temperature = 1}, {nan, -5, nan, -5}), (std::set<uint32_t>{1, 3}));
  Sampler sampler({.temperature = 1, .top_k = 2, .top_p = 0.5F, .min_p = 0.1F}, 3);
  EXPECT_LT(sampler.Next(std::vector<float>{nan, nan, nan}), 3U);
}

TEST(Sampler, TemperatureOneFollowsTheProbabilities) {
  const int draws = 20000;
  const auto counts = Counts({.temperature = 1, .seed = 3}, kLogits, draws);
  for (uint32_t id = 0; id < 4; ++id) {
    EXPECT_NEAR(counts.at(id) / static_cast<double>(draws), std::exp(kLogits[id]), 0.015) << id;
  }
}

TEST(Sampler, LowTemperatureSharpensAndHighFlattens) {
  EXPECT_EQ(Drawn({.temperature = 0.01F}, kLogits), (std::set<uint32_t>{1}));
  const auto flat = Counts({.temperature = 100}, kLogits);
  EXPECT_NEAR(flat.at(2), 1000, 150);
}

TEST(Sampler, TopKKeepsTheHighest) {
  EXPECT_EQ(Drawn({.temperature = 1, .top_k = 1}, kLogits), (std::set<uint32_t>{1}));
  EXPECT_EQ(Drawn({.temperature = 1, .top_k = 2}, kLogits), (std::set<uint32_t>{1, 3}));
  EXPECT_EQ(Drawn({.temperature = 1, .top_k = 9}, kLogits), (std::set<uint32_t>{0, 1, 2, 3}));
}

TEST(Sampler, TopKBreaksTiesByTheLowerId) {
  EXPECT_EQ(Drawn({.temperature = 1, .top_k = 2}, {1, 1, 1, 1}), (std::set<uint32_t>{0, 1}));
}

TEST(Sampler, TopPKeepsTheSmallestSetThatReachesIt) {
  EXPECT_EQ(Drawn({.temperature = 1, .top_p = 0.39F}, kLogits), (std::set<uint32_t>{1}));
  EXPECT_EQ(Drawn({.temperature = 1, .top_p = 0.65F}, kLogits), (std::set<uint32_t>{1, 3}));
  EXPECT_EQ(Drawn({.temperature = 1, .top_p = 0.75F}, kLogits), (std::set<uint32_t>{0, 1, 3}));
  EXPECT_EQ(Drawn({.temperature = 1, .top_p = 1e-6F}, kLogits), (std::set<uint32_t>{1}));
}

TEST(Sampler, MinPComparesWithTheHighest) {
  EXPECT_EQ(Drawn({.temperature = 1, .min_p = 0.6F}, kLogits), (std::set<uint32_t>{1, 3}));
  EXPECT_EQ(Drawn({.temperature = 1, .min_p = 0.45F}, kLogits), (std::set<uint32_t>{0, 1, 3}));
  EXPECT_EQ(Drawn({.temperature = 1, .min_p = 0.99F}, kLogits), (std::set<uint32_t>{1}));
}

TEST(Sampler, FiltersWorkInTheStatedOrder) {
  // Top-k leaves 0.4 and 0.3; of these 0.4 alone is 0.57, which reaches a top-p of 0.5.
  EXPECT_EQ(Drawn({.temperature = 1, .top_k = 2, .top_p = 0.5F}, kLogits), (std::set<uint32_t>{1}));
}

TEST(Sampler, TheSeedDecides) {
  std::vector<float> logits(50);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i % 7);
  const auto draw = [&logits](uint64_t seed) {
    Sampler sampler({.temperature = 1, .seed = seed}, logits.size());
    std::vector<uint32_t> ids;
    for (int i = 0; i < 40; ++i) ids.push_back(sampler.Next(logits));
    return ids;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(SamplingOptions, RangesAreChecked) {
  EXPECT_TRUE(Validate(SamplingOptions{}).ok());
  EXPECT_TRUE(Validate({.temperature = 2, .top_k = 40, .top_p = 0.9F, .min_p = 0.05F}).ok());
  const SamplingOptions bad[] = {
      {.temperature = -1},
      {.temperature = std::nanf("")},
      {.temperature = kInfinity},
      {.top_p = 0},
      {.top_p = 1.1F},
      {.top_p = std::nanf("")},
      {.min_p = -0.1F},
      {.min_p = 1},
      {.min_p = std::nanf("")},
  };
  for (const SamplingOptions& options : bad) {
    EXPECT_EQ(Validate(options).code(), StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace elm
