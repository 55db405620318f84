// Everything between products, on every instruction set that this machine has.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
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

TEST(AddReluTest, AddsTheBiasAndCutsWhatIsNegative) {
  for (const KernelTable* kernels : SupportedKernels()) {
    for (const size_t width : kWidths) {
      const auto inputs = RandomFloats(width, 1);
      const auto bias = RandomFloats(width, 2);
      auto row = inputs;
      row.push_back(77.0F);
      kernels->add_relu(row.data(), bias.data(), width);
      for (size_t i = 0; i < width; ++i) {
        ASSERT_EQ(row[i], std::max(inputs[i] + bias[i], 0.0F)) << kernels->name << width;
      }
      EXPECT_EQ(row[width], 77.0F) << kernels->name << width;
    }
  }
}

TEST(NoNormTest, ScalesAndShifts) {
  for (const KernelTable* kernels : SupportedKernels()) {
    for (const size_t width : kWidths) {
      const auto inputs = RandomFloats(width, 1);
      const auto bias = RandomFloats(width, 2);
      const auto scale = RandomFloats(width, 3);
      const auto shift = RandomFloats(width, 4);
      auto row = inputs;
      row.push_back(77.0F);
      kernels->no_norm(row.data(), bias.data(), scale.data(), shift.data(), width);
      for (size_t i = 0; i < width; ++i) {
        const double expected = (double{inputs[i]} + bias[i]) * scale[i] + shift[i];
        ASSERT_NEAR(row[i], expected, 1e-6) << kernels->name << width;
      }
      EXPECT_EQ(row[width], 77.0F) << kernels->name << width;
    }
  }
}

TEST(LayerNormTest, AgreesWithDoublePrecision) {
  for (const KernelTable* kernels : SupportedKernels()) {
    for (const float epsilon : {1e-12F, 1e-5F}) {
      for (const size_t width : kWidths) {
        const auto inputs = RandomFloats(width, 1);
        const auto bias = RandomFloats(width, 2);
        const auto scale = RandomFloats(width, 3);
        const auto shift = RandomFloats(width, 4);
        auto row = inputs;
        row.push_back(77.0F);
        kernels->layer_norm(row.data(), bias.data(), scale.data(), shift.data(), width, epsilon);
        std::vector<double> sums(width);
        double mean = 0;
        for (size_t i = 0; i < width; ++i) {
          sums[i] = double{inputs[i] + bias[i]};  // as floats add
          mean += sums[i] / static_cast<double>(width);
        }
        double variance = 0;
        for (const double sum : sums) {
          variance += (sum - mean) * (sum - mean) / static_cast<double>(width);
        }
        const double root = std::sqrt(variance + double{epsilon});
        for (size_t i = 0; i < width && width > 1; ++i) {
          ASSERT_NEAR(row[i], (sums[i] - mean) / root * scale[i] + shift[i], 3e-6)
              << kernels->name << width;
        }
        if (width == 1) {
          EXPECT_EQ(row[0], shift[0]);  // nothing is left of a single number
        }
        EXPECT_EQ(row[width], 77.0F) << kernels->name << width;
      }
    }
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

TEST(QuantiseTest, IntegersAreNearestAndBehindTheRowAllIsZero) {
  for (const KernelTable* kernels : SupportedKernels()) {
    for (const size_t group : {8, 32, 64}) {
      for (const size_t columns : {1, 7, 64, 70, 200}) {
        for (const size_t width : {1, 3}) {
          const size_t groups = (columns + group - 1) / group;
          const auto row = RandomFloats(columns, 4);
          std::vector<uint32_t> cells(groups * group / 4 * width, 0x63636363);
          std::vector<float> scales(groups * width);
          std::vector<int32_t> sums(groups * width);
          kernels->quantise(row.data(), columns, group, groups, width, cells.data(), scales.data(),
                            sums.data());
          std::vector<int32_t> expected_sums(groups);
          for (size_t k = 0; k < groups * group; ++k) {
            const uint32_t cell = cells[k / 4 * width];
            const auto code = static_cast<int8_t>(cell >> (8 * (k % 4)));
            expected_sums[k / group] += code;
            if (k >= columns) {
              ASSERT_EQ(code, 0) << kernels->name;
              continue;
            }
            const float scale = scales[k / group * width];
            ASSERT_NEAR(code * scale, row[k], scale * 0.501F) << kernels->name << " " << k;
          }
          for (size_t g = 0; g < groups; ++g) EXPECT_EQ(sums[g * width], expected_sums[g]);
        }
      }
    }
  }
}

TEST(QuantiseTest, ZerosGiveZeros) {
  const std::vector<float> row(32, 0.0F);
  for (const KernelTable* kernels : SupportedKernels()) {
    std::vector<uint32_t> cells(8, 5);
    float scale = 1;
    int32_t sum = 1;
    kernels->quantise(row.data(), 32, 32, 1, 1, cells.data(), &scale, &sum);
    EXPECT_EQ(cells, std::vector<uint32_t>(8, 0));
    EXPECT_EQ(scale, 0.0F);
    EXPECT_EQ(sum, 0);
  }
}

TEST(PackBf16Test, RoundsAsTheFormatDoes) {
  for (const KernelTable* kernels : SupportedKernels()) {
    for (const size_t columns : {1, 15, 16, 33}) {
      const size_t cells = (columns + 5) / 2;
      const auto row = RandomFloats(columns, 6);
      std::vector<uint32_t> packed(cells * 2, 0xffffffff);
      kernels->pack_bf16(row.data(), columns, cells, 2, packed.data());
      for (size_t k = 0; k < cells * 2; ++k) {
        const auto half = static_cast<uint16_t>(packed[k / 2 * 2] >> (16 * (k % 2)));
        ASSERT_EQ(half, k < columns ? FloatToBf16(row[k]) : 0) << kernels->name << " " << k;
      }
    }
  }
}

TEST(PackFloatsTest, CopiesAndPads) {
  const std::vector<float> row = {1.5F, -2.0F};
  for (const KernelTable* kernels : SupportedKernels()) {
    std::vector<uint32_t> packed(6, 7);
    kernels->pack_floats(row.data(), 2, 3, 2, packed.data());
    EXPECT_EQ(std::bit_cast<float>(packed[0]), 1.5F);
    EXPECT_EQ(std::bit_cast<float>(packed[2]), -2.0F);
    EXPECT_EQ(packed[4], 0U);
    EXPECT_EQ(packed[1], 7U);
  }
}

}  // namespace
}  // namespace elm
