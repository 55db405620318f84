#include "toolchain/model/generate.h"

#include <gtest/gtest.h>

#include <map>

#include "toolchain/base/error.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/model/torch_compat.h"

namespace elm {
namespace {

class GenerateTest : public ::testing::Test {
 protected:
  GenerateTest() { SetTorchThreads(1); }

  const Llama model_ = RandomLlama(TinyConfig(), 21);
};

TEST_F(GenerateTest, WindowsBeginWithBosAndHoldTokensOfTheVocabulary) {
  const TokenWindows windows = GenerateWindows(model_, 5, 12, /*bos_id=*/3, /*seed=*/1, 1.0);
  ASSERT_EQ(windows.count(), 5U);
  EXPECT_EQ(windows.length, 12U);
  for (size_t i = 0; i < windows.count(); ++i) EXPECT_EQ(windows.row(i)[0], 3U);
  for (uint32_t id : windows.ids) EXPECT_LT(id, TinyConfig().vocab);
}

TEST_F(GenerateTest, ASeedGivesTheSameWindowsAndAnotherGivesOthers) {
  const TokenWindows first = GenerateWindows(model_, 20, 10, 1, /*seed=*/5, 1.0);
  EXPECT_EQ(first.ids, GenerateWindows(model_, 20, 10, 1, /*seed=*/5, 1.0).ids);
  EXPECT_NE(first.ids, GenerateWindows(model_, 20, 10, 1, /*seed=*/6, 1.0).ids);
  EXPECT_NE(first.ids, GenerateWindows(model_, 20, 10, 1, /*seed=*/5 + (1ULL << 32), 1.0).ids);
  const std::span<const uint32_t> zero = first.row(0);
  const std::span<const uint32_t> one = first.row(1);
  EXPECT_FALSE(std::equal(zero.begin(), zero.end(), one.begin()));
}

TEST_F(GenerateTest, TemperatureZeroFollowsTheLargestLogit) {
  const TokenWindows windows = GenerateWindows(model_, 1, 15, 1, 0, /*temperature=*/0);
  const torch::Tensor ids = AllWindows(windows);
  const torch::Tensor best = model_.Logits(ids).argmax(-1);
  EXPECT_TRUE(best.slice(1, 0, 14).equal(ids.slice(1, 1)));
}

TEST_F(GenerateTest, SamplesFollowTheModelsProbabilities) {
  constexpr size_t kCount = 800;
  const double temperature = 0.7;
  const TokenWindows windows = GenerateWindows(model_, kCount, 2, 1, 9, temperature);
  std::map<uint32_t, double> frequency;
  for (size_t i = 0; i < kCount; ++i) frequency[windows.row(i)[1]] += 1.0 / kCount;
  const torch::Tensor expected =
      torch::softmax(model_.Logits(torch::ones({1, 1}, torch::kInt64)).flatten() / temperature, 0);
  for (int64_t token = 0; token < expected.size(0); ++token) {
    const double probability = expected[token].item<double>();
    const double deviation = std::sqrt(probability * (1 - probability) / kCount);
    EXPECT_NEAR(frequency[static_cast<uint32_t>(token)], probability, 5 * deviation + 1e-3);
  }
}

TEST_F(GenerateTest, ProgressReachesTheTotal) {
  std::vector<size_t> done;
  (void)GenerateWindows(model_, 20, 4, 1, 1, 1.0, [&](size_t now, size_t total) {
    EXPECT_EQ(total, 20U);
    done.push_back(now);
  });
  EXPECT_EQ(done, (std::vector<size_t>{16, 20}));
}

TEST_F(GenerateTest, RefusesSenselessRequests) {
  EXPECT_THROW((void)GenerateWindows(model_, 1, 0, 1, 1, 1.0), Error);
  EXPECT_THROW((void)GenerateWindows(model_, 1, 4, 1, 1, -1.0), Error);
  EXPECT_THROW((void)GenerateWindows(model_, 1, 65, 1, 1, 1.0), Error);  // beyond the context
}

}  // namespace
}  // namespace elm
