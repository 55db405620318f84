#include "toolchain/recover/adapted_product.h"

#include <gtest/gtest.h>

#include "toolchain/model/testing/random_model.h"

namespace elm {
namespace {

torch::Tensor Leaf(std::initializer_list<int64_t> shape) {
  return torch::randn(shape).set_requires_grad(true);
}

// Two products of one input, of 5 and 3 outputs, by an adapter of rank 2.
class AdaptedProductTest : public ::testing::Test {
 protected:
  AdaptedProductTest() { torch::manual_seed(3); }

  // The same by LibTorch's own operations.
  torch::Tensor Expected() const {
    const auto one = [&](const ProductPart& part, int64_t at) {
      return torch::mm(input_, part.weight.t()) +
             0.7 * torch::mm(torch::mm(input_, a_.narrow(0, at, 2).t()), part.b.t());
    };
    return torch::cat({one(parts_[0], 0), one(parts_[1], 2)}, 1);
  }

  torch::Tensor input_ = Leaf({4, 6});
  torch::Tensor a_ = Leaf({4, 6});
  std::vector<ProductPart> parts_ = {{torch::randn({5, 6}), Leaf({5, 2})},
                                     {torch::randn({3, 6}), Leaf({3, 2})}};
};

TEST_F(AdaptedProductTest, ValuesAndGradientsAreThoseOfPlainOperations) {
  const torch::Tensor weights = torch::randn({4, 8});
  const std::vector<torch::Tensor> leaves = {input_, a_, parts_[0].b, parts_[1].b};
  const torch::Tensor actual = AdaptedProduct(input_, parts_, a_, 0.7);
  const torch::Tensor expected = Expected();
  EXPECT_LT(MaxDifference(actual, expected), 1e-5);
  const auto actual_gradients = torch::autograd::grad({(actual * weights).sum()}, leaves);
  const auto expected_gradients = torch::autograd::grad({(expected * weights).sum()}, leaves);
  for (size_t i = 0; i < leaves.size(); ++i) {
    EXPECT_LT(MaxDifference(actual_gradients[i], expected_gradients[i]), 1e-5) << i;
  }
}

TEST_F(AdaptedProductTest, AnInputWithoutGradientNeedsNone) {
  const torch::Tensor input = input_.detach();
  const torch::Tensor actual = AdaptedProduct(input, parts_, a_, 0.7);
  actual.sum().backward();
  EXPECT_TRUE(a_.grad().defined());
  EXPECT_FALSE(input.grad().defined());
}

TEST_F(AdaptedProductTest, WithoutAdapterItIsTheFrozenProduct) {
  const torch::Tensor actual = AdaptedProduct(input_.detach(), parts_, torch::Tensor(), 0.7);
  const torch::Tensor both = torch::cat({parts_[0].weight, parts_[1].weight});
  EXPECT_LT(MaxDifference(actual, torch::mm(input_, both.t())), 1e-5);
}

}  // namespace
}  // namespace elm
