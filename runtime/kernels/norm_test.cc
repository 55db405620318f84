#include "runtime/kernels/norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "runtime/kernels/testing/random.h"

namespace elm {
namespace {

TEST(RmsNorm, AgreesWithDoublePrecision) {
  for (const size_t width : {1, 8, 64, 100, 192}) {
    const auto inputs = testing::RandomFloats(width, 1);
    const auto weights = testing::RandomFloats(width, 2);
    std::vector<float> outputs(width);
    RmsNorm(inputs.data(), weights.data(), width, 1e-5F, outputs.data());
    double squares = 0;
    for (const float input : inputs) squares += double{input} * input;
    const double root = std::sqrt(squares / static_cast<double>(width) + 1e-5);
    for (size_t i = 0; i < width; ++i) {
      ASSERT_NEAR(outputs[i], weights[i] * inputs[i] / root, 1e-6) << width << " at " << i;
    }
  }
}

TEST(RmsNorm, ZeroStaysZero) {
  const std::vector<float> zeros(16, 0.0F);
  const std::vector<float> weights(16, 1.0F);
  std::vector<float> outputs(16, 1.0F);
  RmsNorm(zeros.data(), weights.data(), 16, 1e-6F, outputs.data());
  EXPECT_EQ(outputs, zeros);
}

}  // namespace
}  // namespace elm
