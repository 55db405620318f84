#include "toolchain/quantize/calibrated_rounding.h"

#include <gtest/gtest.h>

#include "formats/elm/quantise.h"
#include "toolchain/base/error.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/quantize/quantised_tensors.h"

namespace elm {
namespace {

class CalibratedRoundingTest : public ::testing::TestWithParam<WeightType> {
 protected:
  CalibratedRoundingTest() {
    SetTorchThreads(1);
    torch::manual_seed(7);
  }

  // Inputs that depend on each other, some much larger than others.
  static torch::Tensor Moment(int64_t columns) {
    const torch::Tensor mixed = torch::randn({4 * columns, columns})
                                    .matmul(torch::randn({columns, columns}) + torch::eye(columns));
    const torch::Tensor inputs = mixed * torch::logspace(0, -1, columns);
    return inputs.t().matmul(inputs);
  }

  static QuantisedMatrix LeastError(WeightType type, const torch::Tensor& weight) {
    return ValueOrThrow(
        QuantiseMatrix(type, ScaleSearch::kError, 32, static_cast<uint64_t>(weight.size(0)),
                       static_cast<uint64_t>(weight.size(1)),
                       {weight.data_ptr<float>(), static_cast<size_t>(weight.numel())}));
  }
};

TEST_P(CalibratedRoundingTest, ComputesCloserThanTheLeastErrorOfWeights) {
  const torch::Tensor weight = torch::randn({37, 96});
  const torch::Tensor moment = Moment(96);
  const QuantisedMatrix matrix = RoundCalibrated(GetParam(), 32, weight, moment);
  EXPECT_LT(CalibratedError(matrix, weight, moment),
            0.7 * CalibratedError(LeastError(GetParam(), weight), weight, moment));
}

TEST_P(CalibratedRoundingTest, DescentImprovesUponGptq) {
  const torch::Tensor weight = torch::randn({20, 64});
  const torch::Tensor moment = Moment(64);
  const auto error = [&](int passes) {
    return CalibratedError(RoundCalibrated(GetParam(), 32, weight, moment, {.passes = passes}),
                           weight, moment);
  };
  EXPECT_LT(error(3), error(0));
}

TEST_P(CalibratedRoundingTest, CodesAndScalesAreThoseOfTheType) {
  const torch::Tensor weight = torch::randn({5, 96}) * 10;
  const QuantisedMatrix matrix = RoundCalibrated(GetParam(), 64, weight, Moment(96));
  EXPECT_EQ(matrix.groups(), 2U);
  EXPECT_EQ(matrix.scales.size(), 10U);
  ASSERT_EQ(matrix.codes.size(), 480U);
  for (const int8_t code : matrix.codes) {
    EXPECT_GE(code, LeastCode(GetParam()));
    EXPECT_LE(code, GreatestCode(GetParam()));
  }
}

TEST_P(CalibratedRoundingTest, AMatrixOfIntegersStaysExact) {
  const int most = GreatestCode(GetParam());
  torch::Tensor weight = torch::randint(-most, most + 1, {8, 64}).to(torch::kFloat32) * 0.25;
  weight.select(1, 0).fill_(-static_cast<float>(most) * 0.25F);
  weight.select(1, 32).fill_(-static_cast<float>(most) * 0.25F);
  const QuantisedMatrix matrix = RoundCalibrated(GetParam(), 32, weight, Moment(64));
  EXPECT_LT((ToTensor(matrix) - weight).abs().max().item<float>(), 0.02F);
}

TEST_P(CalibratedRoundingTest, ZeroWeightsAndUnusedInputsAreNoTrouble) {
  const torch::Tensor zeros = torch::zeros({3, 32});
  EXPECT_TRUE(ToTensor(RoundCalibrated(GetParam(), 32, zeros, Moment(32))).equal(zeros));
  const torch::Tensor weight = torch::randn({3, 32});
  const torch::Tensor unused = torch::zeros({32, 32});
  const torch::Tensor rounded = ToTensor(RoundCalibrated(GetParam(), 32, weight, unused));
  EXPECT_LT((rounded - weight).norm().item<float>(), 0.2F * weight.norm().item<float>());
}

TEST_P(CalibratedRoundingTest, ThreadsChangeNothing) {
  const torch::Tensor weight = torch::randn({70, 64});
  const torch::Tensor moment = Moment(64);
  const QuantisedMatrix one = RoundCalibrated(GetParam(), 32, weight, moment);
  SetTorchThreads(2);
  const QuantisedMatrix two = RoundCalibrated(GetParam(), 32, weight, moment);
  EXPECT_EQ(one.codes, two.codes);
  EXPECT_EQ(one.scales, two.scales);
}

INSTANTIATE_TEST_SUITE_P(Types, CalibratedRoundingTest,
                         ::testing::Values(WeightType::kQ8, WeightType::kQ4),
                         [](const auto& type) { return WeightTypeName(type.param); });

}  // namespace
}  // namespace elm
