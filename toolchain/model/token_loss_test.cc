#include "toolchain/model/token_loss.h"

#include <gtest/gtest.h>

namespace elm {
namespace {

struct Case {
  torch::Tensor hidden;
  torch::Tensor head;
  torch::Tensor targets;
};

Case RandomCase(int64_t rows, int64_t width, int64_t vocab) {
  torch::manual_seed(3);
  return {torch::randn({rows, width}), torch::randn({vocab, width}),
          torch::randint(vocab, {rows}, torch::kInt64)};
}

void ExpectPlainCrossEntropy(const Case& sample) {
  torch::Tensor hidden = sample.hidden.clone().requires_grad_(true);
  torch::Tensor plain_hidden = sample.hidden.clone().requires_grad_(true);
  const torch::Tensor weights = torch::rand({hidden.size(0)});
  const torch::Tensor losses = TokenLoss(hidden, sample.head, sample.targets);
  const torch::Tensor plain = torch::cross_entropy_loss(
      torch::linear(plain_hidden, sample.head), sample.targets, /*weight=*/{}, at::Reduction::None);
  EXPECT_TRUE(torch::allclose(losses, plain, 1e-5, 1e-5));
  (losses * weights).sum().backward();
  (plain * weights).sum().backward();
  EXPECT_TRUE(torch::allclose(hidden.grad(), plain_hidden.grad(), 1e-4, 1e-5));
  EXPECT_GT(hidden.grad().abs().max().item<double>(), 1e-3);
  torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::allclose(TokenLoss(hidden, sample.head, sample.targets), losses));
}

TEST(TokenLossTest, EqualsPlainCrossEntropyWithItsGradients) {
  ExpectPlainCrossEntropy(RandomCase(23, 6, 31));
}

// A vocabulary of 2^20 allows eight rows at once.
TEST(TokenLossTest, ChunksOfRowsChangeNothing) {
  ExpectPlainCrossEntropy(RandomCase(11, 2, int64_t{1} << 20));
}

TEST(TokenLossTest, RefusesAHeadThatWantsGradients) {
  Case sample = RandomCase(4, 6, 31);
  sample.head.requires_grad_(true);
  EXPECT_THROW((void)TokenLoss(sample.hidden, sample.head, sample.targets), c10::Error);
}

}  // namespace
}  // namespace elm
