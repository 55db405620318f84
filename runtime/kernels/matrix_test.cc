#include "runtime/kernels/matrix.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "formats/base/dtype.h"
#include "runtime/kernels/testing/random.h"

namespace elm {
namespace {

using testing::RandomFloats;

constexpr DType kDTypes[] = {DType::kF32, DType::kF16, DType::kBf16};
constexpr float kUntouched = 12345.0F;

// A random matrix, packed, beside the values that its stored elements stand for.
struct Packed {
  std::vector<float> values;  // [rows, columns], rounded to the dtype
  std::vector<std::byte> bytes;
  TileLayout layout;
  DType dtype;

  Matrix matrix() const {
    auto made = MakeMatrix(bytes, dtype, layout);
    EXPECT_TRUE(made.ok()) << made.status().ToString();
    return *made;
  }
};

void FillWith(std::vector<std::byte>& bytes, DType dtype, float value) {
  const std::vector<float> values(bytes.size() / DTypeSize(dtype), value);
  EncodeFromFloat(dtype, values, bytes.data());
}

Packed Pack(const TileLayout& layout, DType dtype, uint64_t seed) {
  Packed packed{RandomFloats(layout.rows * layout.columns, seed), {}, layout, dtype};
  std::vector<std::byte> plain(packed.values.size() * DTypeSize(dtype));
  EncodeFromFloat(dtype, packed.values, plain.data());
  DecodeToFloat(dtype, plain.data(), packed.values);
  packed.bytes.resize(*layout.StoredElements() * DTypeSize(dtype));
  PackTiles(layout, DTypeSize(dtype), plain, packed.bytes);
  return packed;
}

// The same with every padding element replaced by NaN: whoever computes with it shows.
Packed PackWithPoisonedPadding(const TileLayout& layout, DType dtype, uint64_t seed) {
  Packed packed = Pack(layout, dtype, seed);
  std::vector<std::byte> poisoned(packed.bytes.size());
  FillWith(poisoned, dtype, std::numeric_limits<float>::quiet_NaN());
  const size_t size = DTypeSize(dtype);
  for (uint64_t row = 0; row < layout.rows; ++row) {
    for (uint64_t column = 0; column < layout.columns; ++column) {
      const size_t at = layout.ElementIndex(row, column) * size;
      std::memcpy(poisoned.data() + at, packed.bytes.data() + at, size);
    }
  }
  packed.bytes = std::move(poisoned);
  return packed;
}

struct Shape {
  size_t rows;
  size_t columns;
};
constexpr Shape kShapes[] = {{1, 1},    {8, 64},    {16, 32}, {17, 33},   {64, 172},
                             {172, 64}, {105, 128}, {128, 8}, {200, 192}, {31, 352}};
// Portions of the cut axis: none, one unit, within a tile, whole tiles, all.
std::vector<size_t> Cuts(size_t extent) {
  return {0, 1, extent / 3, extent / 2, extent - extent / 5, extent};
}

std::string Describe(const Packed& packed, size_t kept, size_t tokens) {
  return StrCat(DTypeName(packed.dtype), " ", packed.layout.rows, " x ", packed.layout.columns,
                ", kept ", kept, ", tokens ", tokens);
}

void CheckOutputCut(const Packed& packed, size_t kept, size_t tokens) {
  SCOPED_TRACE(Describe(packed, kept, tokens));
  const size_t rows = packed.layout.rows;
  const size_t columns = packed.layout.columns;
  const size_t stride = columns + 3;
  const auto inputs = RandomFloats(tokens * stride, 7);
  std::vector<float> outputs(tokens * rows, kUntouched);
  MatMulOutputCut(packed.matrix(), kept, tokens, {inputs.data(), stride}, {outputs.data(), rows});
  for (size_t t = 0; t < tokens; ++t) {
    for (size_t row = 0; row < rows; ++row) {
      if (row >= kept) {
        ASSERT_EQ(outputs[t * rows + row], kUntouched) << "token " << t << " row " << row;
        continue;
      }
      double expected = 0;
      for (size_t k = 0; k < columns; ++k) {
        expected += double{packed.values[row * columns + k]} * inputs[t * stride + k];
      }
      ASSERT_NEAR(outputs[t * rows + row], expected, 1e-5) << "token " << t << " row " << row;
    }
  }
}

void CheckInputCut(const Packed& packed, size_t kept, size_t tokens) {
  SCOPED_TRACE(Describe(packed, kept, tokens));
  const size_t rows = packed.layout.rows;
  const size_t columns = packed.layout.columns;
  // What lies behind the kept inputs must not be read.
  auto inputs = RandomFloats(tokens * columns, 8);
  for (size_t t = 0; t < tokens; ++t) {
    for (size_t k = kept; k < columns; ++k) inputs[t * columns + k] = std::nanf("");
  }
  const size_t stride = rows + 5;
  const auto before = RandomFloats(tokens * stride, 9);
  auto outputs = before;
  AddMatMulInputCut(packed.matrix(), kept, tokens, {inputs.data(), columns},
                    {outputs.data(), stride});
  for (size_t t = 0; t < tokens; ++t) {
    for (size_t row = 0; row < stride; ++row) {
      double expected = before[t * stride + row];
      for (size_t k = 0; row < rows && k < kept; ++k) {
        expected += double{packed.values[row * columns + k]} * inputs[t * columns + k];
      }
      ASSERT_NEAR(outputs[t * stride + row], expected, 1e-5) << "token " << t << " row " << row;
    }
  }
}

TEST(MatMul, OutputCutAgreesWithDoublePrecision) {
  for (const DType dtype : kDTypes) {
    for (const Shape& shape : kShapes) {
      const Packed packed =
          PackWithPoisonedPadding(OutputMajorLayout(shape.rows, shape.columns), dtype, 1);
      for (const size_t kept : Cuts(shape.rows)) {
        for (size_t tokens = 1; tokens <= 9; ++tokens) CheckOutputCut(packed, kept, tokens);
      }
    }
  }
}

TEST(MatMul, InputCutAgreesWithDoublePrecision) {
  for (const DType dtype : kDTypes) {
    for (const Shape& shape : kShapes) {
      const Packed packed =
          PackWithPoisonedPadding(InputMajorLayout(shape.rows, shape.columns), dtype, 2);
      for (const size_t kept : Cuts(shape.columns)) {
        for (size_t tokens = 1; tokens <= 9; ++tokens) CheckInputCut(packed, kept, tokens);
      }
    }
  }
}

// A later version of the format may choose wider panels; these kernels read them.
TEST(MatMul, PanelsWiderThanATile) {
  TileLayout layout = InputMajorLayout(40, 172);
  layout.panel_columns = 96;
  const Packed packed = PackWithPoisonedPadding(layout, DType::kBf16, 3);
  for (const size_t kept : Cuts(172)) CheckInputCut(packed, kept, 3);
}

TEST(MatMul, TokensDoNotDependOnTheirNeighbours) {
  const Packed packed = Pack(OutputMajorLayout(48, 96), DType::kF16, 4);
  const auto inputs = RandomFloats(9 * 96, 5);
  std::vector<float> together(9 * 48);
  MatMulOutputCut(packed.matrix(), 48, 9, {inputs.data(), 96}, {together.data(), 48});
  for (size_t t = 0; t < 9; ++t) {
    std::vector<float> alone(48);
    MatMulOutputCut(packed.matrix(), 48, 1, {inputs.data() + t * 96, 96}, {alone.data(), 48});
    for (size_t row = 0; row < 48; ++row) EXPECT_NEAR(alone[row], together[t * 48 + row], 1e-6);
  }
}

TEST(MatMul, ReadsEveryF16ValueExactly) {
  // One input of 1 and a column of every half there is: the products are the halves themselves.
  std::vector<uint16_t> halves(1U << 16);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  const TileLayout layout = OutputMajorLayout(halves.size(), 1);
  std::vector<std::byte> bytes(*layout.StoredElements() * 2);
  PackTiles(layout, 2, std::as_bytes(std::span(halves)), bytes);
  auto matrix = MakeMatrix(bytes, DType::kF16, layout);
  ASSERT_TRUE(matrix.ok());
  const float one = 1.0F;
  std::vector<float> outputs(halves.size());
  MatMulOutputCut(*matrix, halves.size(), 1, {&one, 1}, {outputs.data(), halves.size()});
  for (size_t i = 0; i < halves.size(); ++i) {
    const float expected = F16ToFloat(halves[i]);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(outputs[i])) << i;
    } else {
      EXPECT_EQ(outputs[i], expected) << i;
    }
  }
}

TEST(DecodeRow, GivesTheStoredRow) {
  for (const DType dtype : kDTypes) {
    const Packed packed = Pack(OutputMajorLayout(105, 72), dtype, 6);
    for (const size_t row : {0, 15, 16, 104}) {
      std::vector<float> values(72);
      DecodeRow(packed.matrix(), row, values.data());
      const auto* expected = packed.values.data() + row * 72;
      EXPECT_EQ(values, std::vector<float>(expected, expected + 72)) << row;
    }
  }
}

TEST(MakeMatrix, RefusesTilesItDoesNotRead) {
  const std::vector<std::byte> bytes(1U << 16);
  TileLayout layout = OutputMajorLayout(16, 32);
  EXPECT_TRUE(MakeMatrix(bytes, DType::kF32, layout).ok());
  layout.tile_rows = 8;
  EXPECT_EQ(MakeMatrix(bytes, DType::kF32, layout).status().code(), StatusCode::kUnsupported);
  layout = OutputMajorLayout(16, 32);
  layout.interleave = 4;
  EXPECT_EQ(MakeMatrix(bytes, DType::kF32, layout).status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(MakeMatrix(bytes, DType::kF32, VectorLayout(32)).status().code(),
            StatusCode::kUnsupported);
}

TEST(MakeMatrix, RefusesTooFewBytes) {
  const std::vector<std::byte> bytes(16 * 32 * 2 - 1);
  const auto matrix = MakeMatrix(bytes, DType::kF16, OutputMajorLayout(16, 32));
  EXPECT_EQ(matrix.status().code(), StatusCode::kCorruption);
}

}  // namespace
}  // namespace elm
