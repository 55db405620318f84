#include "runtime/bench/machine_probe.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace elm {
namespace {

constexpr size_t kSmall = size_t{4} << 20;

TEST(MachineProbeTest, MeasuresSomethingPlausible) {
  const auto kernels = ChooseKernels();
  ASSERT_TRUE(kernels.ok());
  for (const WeightType type : kWeightTypes) {
    auto probe = MachineProbe::Create(**kernels, type, 1, kSmall);
    ASSERT_TRUE(probe.ok()) << probe.status().ToString();
    EXPECT_EQ(probe->buffer_bytes(), kSmall);
    const ProbeSample sample = probe->Measure();
    // Slower than an emulated processor, faster than any real one.
    EXPECT_GT(sample.read_bytes_per_second, 1e6);
    EXPECT_LT(sample.read_bytes_per_second, 1e14);
    EXPECT_GT(sample.operations_per_second, 1e6);
    EXPECT_LT(sample.operations_per_second, 1e15);
  }
}

TEST(MachineProbeTest, SizesAreWholeChunks) {
  const auto kernels = ChooseKernels();
  ASSERT_TRUE(kernels.ok());
  EXPECT_EQ(MachineProbe::Create(**kernels, WeightType::kQ8, 2, kSmall + 5)->buffer_bytes(),
            kSmall);
  EXPECT_GT(MachineProbe::Create(**kernels, WeightType::kQ8, 2, 1)->buffer_bytes(), 0U);
}

TEST(MachineProbeTest, TooMuchMemoryIsAnError) {
  const auto kernels = ChooseKernels();
  ASSERT_TRUE(kernels.ok());
  const auto probe =
      MachineProbe::Create(**kernels, WeightType::kQ8, 1, std::numeric_limits<size_t>::max());
  EXPECT_EQ(probe.status().code(), StatusCode::kOutOfMemory);
}

TEST(MachineProbeTest, NamesWhatItMeasures) {
  const auto kernels = ChooseKernels();
  ASSERT_TRUE(kernels.ok());
  EXPECT_EQ(OperationName(**kernels, WeightType::kQ4), std::string("int8 dot products"));
  EXPECT_EQ(OperationName(**kernels, WeightType::kF16), std::string("float32 multiply-adds"));
  EXPECT_EQ(OperationName(**kernels, WeightType::kBf16),
            std::string((*kernels)->bf16_products ? "bf16 dot products" : "float32 multiply-adds"));
}

}  // namespace
}  // namespace elm
