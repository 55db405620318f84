#include "runtime/kernels/matrix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "runtime/kernels/testing/packed_matrix.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

TEST(MatrixTest, RowsAreDecoded) {
  for (const WeightType type : kWeightTypes) {
    for (const uint32_t group : {32U, 64U}) {
      const auto packed = testing::PackRandom(OutputMajorLayout(37, 100, type, group), type, 3);
      for (size_t row = 0; row < 37; ++row) {
        std::vector<float> values(101, -7.0F);
        DecodeRow(packed.matrix, row, values.data());
        for (size_t k = 0; k < 100; ++k) {
          ASSERT_EQ(values[k], packed.values[row * 100 + k]) << WeightTypeName(type) << " " << row;
        }
        EXPECT_EQ(values[100], -7.0F);
      }
    }
  }
}

TEST(MatrixTest, OtherTilesAreRefused) {
  const std::vector<std::byte> bytes(1 << 16);
  TileLayout layout = OutputMajorLayout(40, 64);
  layout.tile_rows = 8;
  EXPECT_EQ(MakeMatrix(bytes, WeightType::kF16, layout).status().code(), StatusCode::kUnsupported);
  layout = OutputMajorLayout(40, 64);
  layout.interleave = 2;
  const auto refused = MakeMatrix(bytes, WeightType::kF16, layout);
  EXPECT_EQ(refused.status().code(), StatusCode::kUnsupported);
  EXPECT_THAT(refused.status().message(), HasSubstr("interleave 2"));
  EXPECT_TRUE(MakeMatrix(bytes, WeightType::kBf16, layout).ok());
  EXPECT_FALSE(MakeMatrix(bytes, WeightType::kQ4, layout).ok());
  EXPECT_FALSE(MakeMatrix(bytes, WeightType::kF16, VectorLayout(64)).ok());
}

TEST(MatrixTest, TooFewBytesAreRefused) {
  for (const WeightType type : kWeightTypes) {
    const TileLayout layout = InputMajorLayout(40, 64, type);
    const std::vector<std::byte> bytes(layout.StoredBytes(type).value());
    EXPECT_TRUE(MakeMatrix(bytes, type, layout).ok()) << WeightTypeName(type);
    const auto refused = MakeMatrix(std::span(bytes).first(bytes.size() - 1), type, layout);
    EXPECT_EQ(refused.status().code(), StatusCode::kCorruption) << WeightTypeName(type);
  }
}

}  // namespace
}  // namespace elm
