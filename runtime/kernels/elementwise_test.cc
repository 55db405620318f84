// Everything between products, on every instruction set that this machine has.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "formats/base/dtype.h"
#include "runtime/kernels/testing/random.h"
#include "runtime/kernels/testing/supported_kernels.h"

namespace elm {
namespace {

using testing::RandomFloats;
using testing::SupportedKernels;

constexpr size_t kWidths[] = {1, 8, 15, 16, 17, 64, 100, 192, 333};

TEST(RmsNormTest, AgreesWithDoublePrecision) {
  for (const KernelTable* kernels : SupportedKernels()) {
    for (const size_t width : kWidths) {
      const auto inputs = RandomFloats(width, 1);
      const auto weights = RandomFloats(width, 2);
      std::vector<float> outputs(width);
      kernels->rms_norm(inputs.data(), weights.data(), width, 1e-5F, outputs.data());
      double squares = 0;
      for (const float input : inputs) squares += double{input} * input;
      const double root = std::sqrt(squares / static_cast<double>(width) + 1e-5);
      for (size_t i = 0; i < width; ++i) {
        ASSERT_NEAR(outputs[i], weights[i] * inputs[i] / root, 1e-6) << kernels->name << width;
      }
    }
  }
}

TEST(RmsNormTest, ZeroStaysZero) {
  const std::vector<float> zeros(16, 0.0F);
  const std::vector<float> weights(16, 1.0F);
  for (const KernelTable* kernels : SupportedKernels()) {
    std::vector<float> outputs(16, 1.0F);
    kernels->rms_norm(zeros.data(), weights.data(), 16, 1e-6F, outputs.data());
    EXPECT_EQ(outputs, zeros) << kernels->name;
  }
}

TEST(SwiGluTest, AgreesWithDoublePrecision) {
  for (const KernelTable* kernels : SupportedKernels()) {
    for (const size_t width : kWidths) {
      auto gate = RandomFloats(width, 1);
      for (float& value : gate) value *= 12;
      const auto up = RandomFloats(width, 2);
      auto outputs = gate;
      kernels->swiglu(outputs.data(), up.data(), width);
      for (size_t i = 0; i < width; ++i) {
        const double expected = gate[i] / (1.0 + std::exp(-double{gate[i]})) * up[i];
        ASSERT_NEAR(outputs[i], expected, 2e-6) << kernels->name << " " << gate[i];
      }
    }
  }
}

TEST(SwiGluTest, LargeInputsStayFinite) {
  for (const KernelTable* kernels : SupportedKernels()) {
    std::vector<float> gate = {-200.0F, 200.0F};
    const std::vector<float> up = {1.0F, 2.0F};
    kernels->swiglu(gate.data(), up.data(), 2);
    EXPECT_NEAR(gate[0], 0.0F, 1e-30) << kernels->name;
    EXPECT_EQ(gate[1], 400.0F) << kernels->name;
  }
}

TEST(QuantiseTest, CodesAreNearestAndBehindTheRowAllIsZero) {
  for (const KernelTable* kernels : SupportedKernels()) {
    for (const size_t group : {8, 32, 64}) {
      for (const size_t columns : {1, 7, 64, 70, 200}) {
        const size_t padded = (columns + group - 1) / group * group;
        const auto row = RandomFloats(columns, 4);
        std::vector<int8_t> codes(padded, 99);
        std::vector<float> scales(padded / group);
        std::vector<int32_t> sums(padded / group);
        kernels->quantise(row.data(), columns, padded, group, codes.data(), scales.data(),
                          sums.data());
        std::vector<int32_t> expected_sums(padded / group);
        for (size_t k = 0; k < padded; ++k) {
          expected_sums[k / group] += codes[k];
          if (k >= columns) {
            ASSERT_EQ(codes[k], 0) << kernels->name;
            continue;
          }
          const float scale = scales[k / group];
          ASSERT_NEAR(codes[k] * scale, row[k], scale * 0.501F) << kernels->name << " " << k;
        }
        EXPECT_EQ(sums, expected_sums) << kernels->name;
      }
    }
  }
}

TEST(QuantiseTest, ZerosGiveZeros) {
  const std::vector<float> row(32, 0.0F);
  for (const KernelTable* kernels : SupportedKernels()) {
    std::vector<int8_t> codes(32, 5);
    float scale = 1;
    int32_t sum = 1;
    kernels->quantise(row.data(), 32, 32, 32, codes.data(), &scale, &sum);
    EXPECT_EQ(codes, std::vector<int8_t>(32, 0));
    EXPECT_EQ(scale, 0.0F);
    EXPECT_EQ(sum, 0);
  }
}

TEST(ToBf16Test, RoundsAsTheFormatDoes) {
  for (const KernelTable* kernels : SupportedKernels()) {
    for (const size_t columns : {1, 15, 16, 33}) {
      const auto row = RandomFloats(columns, 6);
      std::vector<uint16_t> halves(columns + 5, 0xffff);
      kernels->to_bf16(row.data(), columns, columns + 5, halves.data());
      for (size_t k = 0; k < halves.size(); ++k) {
        ASSERT_EQ(halves[k], k < columns ? FloatToBf16(row[k]) : 0) << kernels->name << " " << k;
      }
    }
  }
}

}  // namespace
}  // namespace elm
