#include "runtime/kernels/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "runtime/kernels/testing/random.h"

namespace elm {
namespace {

using testing::RandomFloats;

std::vector<double> Reference(const std::vector<float>& query, const std::vector<float>& keys,
                              const std::vector<float>& values, size_t stride, size_t positions) {
  const size_t head_dim = query.size();
  std::vector<double> weights(positions);
  double sum = 0;
  for (size_t p = 0; p < positions; ++p) {
    double dot = 0;
    for (size_t i = 0; i < head_dim; ++i) dot += double{query[i]} * keys[p * stride + i];
    weights[p] = std::exp(dot / std::sqrt(static_cast<double>(head_dim)));
    sum += weights[p];
  }
  std::vector<double> output(head_dim, 0);
  for (size_t p = 0; p < positions; ++p) {
    for (size_t i = 0; i < head_dim; ++i) output[i] += weights[p] / sum * values[p * stride + i];
  }
  return output;
}

TEST(Attention, AgreesWithDoublePrecision) {
  for (const size_t head_dim : {2, 8, 16, 24, 64, 100}) {
    for (const size_t positions : {1, 2, 7, 65}) {
      const size_t stride = head_dim + 6;
      const auto query = RandomFloats(head_dim, 1);
      const auto keys = RandomFloats(positions * stride, 2);
      const auto values = RandomFloats(positions * stride, 3);
      std::vector<float> scores(positions);
      std::vector<float> output(head_dim);
      AttendOneHead(query.data(), keys.data(), values.data(), stride, positions, head_dim,
                    scores.data(), output.data());
      const auto expected = Reference(query, keys, values, stride, positions);
      for (size_t i = 0; i < head_dim; ++i) {
        ASSERT_NEAR(output[i], expected[i], 1e-5) << head_dim << " x " << positions << " at " << i;
      }
    }
  }
}

TEST(Attention, LargeScoresDoNotOverflow) {
  const std::vector<float> query = {300.0F, 0.0F};
  const std::vector<float> keys = {300.0F, 0.0F, -300.0F, 0.0F};
  const std::vector<float> values = {1.0F, 2.0F, 3.0F, 4.0F};
  std::vector<float> scores(2);
  std::vector<float> output(2);
  AttendOneHead(query.data(), keys.data(), values.data(), 2, 2, 2, scores.data(), output.data());
  EXPECT_FLOAT_EQ(output[0], 1.0F);
  EXPECT_FLOAT_EQ(output[1], 2.0F);
}

}  // namespace
}  // namespace elm
