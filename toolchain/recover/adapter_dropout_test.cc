#include "toolchain/recover/adapter_dropout.h"

#include <gtest/gtest.h>

#include "toolchain/model/testing/random_model.h"
#include "toolchain/recover/adapted_product.h"

namespace elm {
namespace {

torch::Tensor Mask(const AdapterDropout& dropout, torch::Dtype dtype = torch::kFloat32) {
  return DropoutMask(dropout, 200, 331, torch::TensorOptions().dtype(dtype));
}

TEST(AdapterDropoutTest, AMaskIsAFunctionOfItsKey) {
  const AdapterDropout dropout{0.25, 7};
  EXPECT_TRUE(torch::equal(Mask(dropout), Mask(dropout)));
  EXPECT_TRUE(torch::equal(Mask(dropout), Mask(dropout, torch::kBFloat16).to(torch::kFloat32)));
  // Other keys agree where two independent masks do: on 0.25^2 + 0.75^2 of all places.
  for (const AdapterDropout& other : {AdapterDropout{0.25, 8}, dropout.Of(0), dropout.Of(1)}) {
    const double agree = (Mask(dropout) == Mask(other)).to(torch::kFloat64).mean().item<double>();
    EXPECT_NEAR(agree, 0.625, 0.01);
  }
}

TEST(AdapterDropoutTest, AsManyAreDroppedAsTheRateSays) {
  for (const double rate : {0.0, 0.05, 0.5}) {
    const torch::Tensor mask = Mask({rate, 3});
    EXPECT_NEAR(mask.mean().item<double>(), 1 - rate, 4 * std::sqrt(0.25 / 66200)) << rate;
    EXPECT_EQ(((mask == 0) | (mask == 1)).sum().item<int64_t>(), mask.numel());
  }
}

TEST(AdapterDropoutTest, TheProductIsThatOfAMaskedInput) {
  torch::manual_seed(3);
  const auto leaf = [](std::initializer_list<int64_t> shape) {
    return torch::randn(shape).set_requires_grad(true);
  };
  const torch::Tensor input = leaf({4, 6});
  const torch::Tensor a = leaf({4, 6});
  const std::vector<ProductPart> parts = {{torch::randn({5, 6}), leaf({5, 2})},
                                          {torch::randn({3, 6}), leaf({3, 2})}};
  const AdapterDropout dropout{0.5, 11};
  const torch::Tensor mask = DropoutMask(dropout, 4, 6, input.options());
  ASSERT_GT(mask.sum().item<double>(), 4);
  ASSERT_LT(mask.sum().item<double>(), 20);
  const auto one = [&](const ProductPart& part, int64_t at) {
    const torch::Tensor read = input * mask / (1 - dropout.rate);
    return torch::mm(input, part.weight.t()) +
           0.7 * torch::mm(torch::mm(read, a.narrow(0, at, 2).t()), part.b.t());
  };
  const torch::Tensor expected = torch::cat({one(parts[0], 0), one(parts[1], 2)}, 1);
  const torch::Tensor actual = AdaptedProduct(input, parts, a, 0.7, dropout);
  EXPECT_LT(MaxDifference(actual, expected), 1e-5);
  const torch::Tensor weights = torch::randn({4, 8});
  const std::vector<torch::Tensor> leaves = {input, a, parts[0].b, parts[1].b};
  const auto actual_gradients = torch::autograd::grad({(actual * weights).sum()}, leaves);
  const auto expected_gradients = torch::autograd::grad({(expected * weights).sum()}, leaves);
  for (size_t i = 0; i < leaves.size(); ++i) {
    EXPECT_LT(MaxDifference(actual_gradients[i], expected_gradients[i]), 1e-5) << i;
  }
}

}  // namespace
}  // namespace elm
