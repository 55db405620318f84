// A few thousand random pieces of work; `make fuzz` runs as many as there is time for.
#include "runtime/kernels/testing/differential.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace elm {
namespace {

TEST(DifferentialTest, EveryInstructionSetAgreesWithTheScalarKernels) {
  constexpr int kPieces = 3000;
  std::mt19937_64 engine(11);
  for (int piece = 0; piece < kPieces; ++piece) {
    std::vector<uint8_t> data(32);
    for (uint8_t& byte : data) byte = static_cast<uint8_t>(engine());
    ASSERT_EQ(testing::CompareKernels(data), "") << "piece " << piece;
  }
}

}  // namespace
}  // namespace elm
