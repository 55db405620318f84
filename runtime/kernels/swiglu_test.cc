#include "runtime/kernels/swiglu.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "runtime/kernels/testing/random.h"

namespace elm {
namespace {

TEST(SwiGlu, AgreesWithDoublePrecision) {
  const auto gate = testing::RandomFloats(172, 1);
  const auto up = testing::RandomFloats(172, 2);
  auto outputs = gate;
  SwiGlu(outputs.data(), up.data(), outputs.size());
  for (size_t i = 0; i < gate.size(); ++i) {
    const double expected = gate[i] / (1.0 + std::exp(-double{gate[i]})) * up[i];
    ASSERT_NEAR(outputs[i], expected, 1e-6) << i;
  }
}

TEST(SwiGlu, LargeInputsStayFinite) {
  std::vector<float> gate = {-200.0F, 200.0F};
  const std::vector<float> up = {1.0F, 2.0F};
  SwiGlu(gate.data(), up.data(), 2);
  EXPECT_EQ(gate[0], 0.0F);
  EXPECT_EQ(gate[1], 400.0F);
}

}  // namespace
}  // namespace elm
