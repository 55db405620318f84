#include "toolchain/model/attention.h"

#include <gtest/gtest.h>

#include <cmath>

namespace elm {
namespace {

double MaxDifference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

// Attention of one query over the keys it may see, written out.
torch::Tensor OneQuery(const torch::Tensor& query, const torch::Tensor& key,
                       const torch::Tensor& value, int64_t position) {
  const torch::Tensor scores =
      torch::mv(key.slice(0, 0, position + 1), query) / std::sqrt(double(query.size(0)));
  return torch::mv(value.slice(0, 0, position + 1).t(), torch::softmax(scores, 0));
}

TEST(AttentionTest, EveryQuerySeesItselfAndWhatCameBefore) {
  torch::manual_seed(1);
  const torch::Tensor query = torch::randn({2, 3, 5, 4});
  const torch::Tensor key = torch::randn({2, 3, 9, 4});
  const torch::Tensor value = torch::randn({2, 3, 9, 4});
  const torch::Tensor mixed = CausalAttention(query, key, value);
  for (int64_t token = 0; token < 5; ++token) {
    const torch::Tensor expected =
        OneQuery(query[1][2][token], key[1][2], value[1][2], /*position=*/4 + token);
    EXPECT_LT(MaxDifference(mixed[1][2][token], expected), 1e-5) << "token " << token;
  }
}

// 6000 * 6000 scores are more than are made at once, so queries are taken in blocks.
TEST(AttentionTest, LongSequencesGiveTheSameInBlocks) {
  torch::manual_seed(2);
  const torch::Tensor query = torch::randn({1, 1, 6000, 2});
  const torch::Tensor key = torch::randn({1, 1, 6000, 2});
  const torch::Tensor value = torch::randn({1, 1, 6000, 2});
  const torch::Tensor mixed = CausalAttention(query, key, value);
  for (const int64_t token : {0, 1, 2795, 2796, 2797, 5999}) {
    const torch::Tensor expected = OneQuery(query[0][0][token], key[0][0], value[0][0], token);
    EXPECT_LT(MaxDifference(mixed[0][0][token], expected), 1e-5) << "token " << token;
  }
}

TEST(RotaryTest, TurnsHalfSplitPairsByPositionTimesFrequency) {
  const torch::Tensor heads = torch::tensor({1.0F, 2.0F, 3.0F, 4.0F}).view({1, 1, 1, 4});
  const Rotary rotary(/*begin=*/7, /*tokens=*/1, /*head_dim=*/4, /*theta=*/100.0, torch::kCPU);
  const torch::Tensor turned = rotary.Apply(heads).flatten();
  const double fast = 7.0;         // 7 * 100^0
  const double slow = 7.0 / 10.0;  // 7 * 100^(-2/4)
  EXPECT_NEAR(turned[0].item<double>(), 1 * std::cos(fast) - 3 * std::sin(fast), 1e-6);
  EXPECT_NEAR(turned[2].item<double>(), 3 * std::cos(fast) + 1 * std::sin(fast), 1e-6);
  EXPECT_NEAR(turned[1].item<double>(), 2 * std::cos(slow) - 4 * std::sin(slow), 1e-6);
  EXPECT_NEAR(turned[3].item<double>(), 4 * std::cos(slow) + 2 * std::sin(slow), 1e-6);
}

}  // namespace
}  // namespace elm
