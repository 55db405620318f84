#include "toolchain/model/token_tree.h"

#include <gtest/gtest.h>

#include "toolchain/base/error.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/model/torch_compat.h"

namespace elm {
namespace {

torch::Tensor Row(const std::vector<int64_t>& ids) {
  return torch::tensor(ids, torch::kInt64).unsqueeze(0);
}

TEST(TokenTreeTest, ATokenSeesItselfAndItsAncestors) {
  // 0 - 1 - 2 - 3
  //      \- 4 - 5,  and a padded row of one text of two tokens.
  const std::vector<std::vector<int64_t>> parents = {{0, 0, 1, 2, 1, 4}, {0, 0}};
  const TokenTree tree = MakeTokenTree(parents, torch::kCPU);
  EXPECT_TRUE(tree.positions[0].equal(torch::tensor({0, 1, 2, 3, 2, 3}, torch::kInt64)));
  EXPECT_TRUE(tree.positions[1].equal(torch::tensor({0, 1, 0, 0, 0, 0}, torch::kInt64)));
  const torch::Tensor expected = torch::tensor({1, 0, 0, 0, 0, 0,  //
                                                1, 1, 0, 0, 0, 0,  //
                                                1, 1, 1, 0, 0, 0,  //
                                                1, 1, 1, 1, 0, 0,  //
                                                1, 1, 0, 0, 1, 0,  //
                                                1, 1, 0, 0, 1, 1})
                                     .view({6, 6})
                                     .to(torch::kBool);
  EXPECT_TRUE(tree.visible[0].equal(expected));
  EXPECT_TRUE(tree.visible[1][5].equal(torch::tensor({0, 0, 0, 0, 0, 1}).to(torch::kBool)));
}

TEST(TokenTreeTest, AParentComesFirst) {
  const std::vector<std::vector<int64_t>> parents = {{0, 2, 0}};
  EXPECT_THROW((void)MakeTokenTree(parents, torch::kCPU), c10::Error);
}

class TokenTreeModelTest : public ::testing::Test {
 protected:
  TokenTreeModelTest() { SetTorchThreads(1); }

  const ModelConfig config_ = TinyConfig();
  const Llama model_ = RandomLlama(config_, 2);
};

TEST_F(TokenTreeModelTest, EveryBranchGetsTheLogitsOfItsOwnText) {
  // The prompt 5 6 7, then 8 9 and 10 11 12 behind it, beside a shorter row and its padding.
  const std::vector<std::vector<int64_t>> parents = {{0, 0, 1, 2, 3, 2, 5, 6}, {0, 0, 1}};
  const TokenTree tree = MakeTokenTree(parents, torch::kCPU);
  const torch::Tensor ids =
      torch::cat({Row({5, 6, 7, 8, 9, 10, 11, 12}), Row({20, 21, 22, 0, 0, 0, 0, 0})});
  const torch::Tensor logits = model_.Logits(ids, {.tree = &tree});

  const torch::Tensor first = model_.Logits(Row({5, 6, 7, 8, 9}))[0];
  const torch::Tensor second = model_.Logits(Row({5, 6, 7, 10, 11, 12}))[0];
  const torch::Tensor other = model_.Logits(Row({20, 21, 22}))[0];
  EXPECT_LT(MaxDifference(logits[0].slice(0, 0, 5), first), 1e-5);
  EXPECT_LT(MaxDifference(logits[0].slice(0, 5), second.slice(0, 3)), 1e-5);
  EXPECT_LT(MaxDifference(logits[1].slice(0, 0, 3), other), 1e-5);
  // As a chain the second branch would have seen the first.
  EXPECT_GT(MaxDifference(model_.Logits(ids)[0].slice(0, 5), second.slice(0, 3)), 1e-2);
}

TEST_F(TokenTreeModelTest, TheContextCountsPositionsNotTokens) {
  // Three branches of 30 tokens behind a prompt of 30: 120 tokens in a context of 64.
  std::vector<int64_t> parents(120);
  for (int64_t token = 1; token < 120; ++token) parents[static_cast<size_t>(token)] = token - 1;
  parents[60] = parents[90] = 29;
  const torch::Tensor ids = torch::arange(120).remainder(37).unsqueeze(0);
  const std::vector<std::vector<int64_t>> branching = {parents};
  const TokenTree tree = MakeTokenTree(branching, torch::kCPU);
  EXPECT_EQ(model_.Logits(ids, {.tree = &tree}).size(1), 120);

  parents[60] = 59;
  const std::vector<std::vector<int64_t>> longer = {parents};
  const TokenTree too_long = MakeTokenTree(longer, torch::kCPU);
  EXPECT_THROW((void)model_.Logits(ids, {.tree = &too_long}), Error);
}

}  // namespace
}  // namespace elm
