#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "runtime/kernels/kernels.h"
#include "runtime/kernels/testing/supported_kernels.h"

namespace elm {
namespace {

TEST(ProbeTest, OperationsGrowWithTheRounds) {
  for (const KernelTable* kernels : testing::SupportedKernels()) {
    for (const WeightType type : kWeightTypes) {
      const double one = kernels->probe_products(type, 1);
      EXPECT_GE(one, 2.0 * Matrix::kTileRows) << kernels->name;
      EXPECT_EQ(kernels->probe_products(type, 0), 0) << kernels->name;
      EXPECT_EQ(kernels->probe_products(type, 1000), 1000 * one) << kernels->name;
    }
    // No sum may overflow: that would be undefined where sums are plain integers.
    kernels->probe_products(WeightType::kQ8, kMostProbeRounds);
  }
}

TEST(ProbeTest, ReadsNothingBehindTheEnd) {
  for (const KernelTable* kernels : testing::SupportedKernels()) {
    for (const size_t count : {0, 1, 15, 64, 255, 256, 257, 1000, 4096}) {
      const std::vector<std::byte> bytes(count);  // the address sanitizer watches its end
      kernels->probe_read(bytes.data(), bytes.size());
    }
  }
}

}  // namespace
}  // namespace elm
