#include "runtime/kernels/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <vector>

#include "runtime/kernels/testing/random.h"
#include "runtime/kernels/testing/supported_kernels.h"

namespace elm {
namespace {

std::vector<float> Rotate(const KernelTable& kernels, std::vector<float> head, uint32_t position,
                          float theta) {
  const auto frequencies = RopeFrequencies(head.size(), theta);
  std::vector<float> cosines(frequencies.size());
  std::vector<float> sines(frequencies.size());
  RopeAngles(frequencies, position, cosines.data(), sines.data());
  kernels.rope(cosines.data(), sines.data(), head.size(), head.data());
  return head;
}

TEST(RopeTest, TurnsEachPairAsAComplexNumber) {
  for (const KernelTable* kernels : testing::SupportedKernels()) {
    for (const size_t head_dim : {2, 8, 16, 24, 64}) {
      for (const uint32_t position : {0U, 1U, 17U, 4095U}) {
        const auto head = testing::RandomFloats(head_dim, 3);
        const auto rotated = Rotate(*kernels, head, position, 10000.0F);
        const size_t half = head_dim / 2;
        for (size_t i = 0; i < half; ++i) {
          const double exponent = static_cast<double>(2 * i) / static_cast<double>(head_dim);
          const double angle = position / std::pow(10000.0, exponent);
          const auto expected =
              std::complex<double>(head[i], head[i + half]) * std::polar(1.0, angle);
          ASSERT_NEAR(rotated[i], expected.real(), 1e-6) << kernels->name << " " << head_dim;
          ASSERT_NEAR(rotated[i + half], expected.imag(), 1e-6) << kernels->name << " " << head_dim;
        }
      }
    }
  }
}

TEST(RopeTest, ScoresDependOnTheDistanceOnly) {
  const auto query = testing::RandomFloats(16, 4);
  const auto key = testing::RandomFloats(16, 5);
  for (const KernelTable* kernels : testing::SupportedKernels()) {
    const auto score = [&](uint32_t query_position, uint32_t key_position) {
      const auto q = Rotate(*kernels, query, query_position, 500000.0F);
      const auto k = Rotate(*kernels, key, key_position, 500000.0F);
      double dot = 0;
      for (size_t i = 0; i < q.size(); ++i) dot += double{q[i]} * k[i];
      return dot;
    };
    EXPECT_NEAR(score(5, 2), score(105, 102), 1e-5) << kernels->name;
    EXPECT_GT(std::abs(score(5, 2) - score(5, 4)), 1e-3) << kernels->name;
  }
}

}  // namespace
}  // namespace elm
