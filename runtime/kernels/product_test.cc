// Products of every element type on every instruction set that this machine has.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "runtime/kernels/input_buffer.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/testing/packed_matrix.h"
#include "runtime/kernels/testing/random.h"
#include "runtime/kernels/testing/supported_kernels.h"

namespace elm {
namespace {

using testing::PackedMatrix;
using testing::PackRandom;
using testing::RandomFloats;

constexpr float kUntouched = 12.5F;

struct Shape {
  size_t rows;
  size_t columns;
};
constexpr Shape kShapes[] = {{1, 1}, {17, 33}, {64, 172}, {105, 128}, {48, 8}, {31, 352}};
constexpr size_t kTokenCounts[] = {1, 3, 13};  // single ones, and blocks with all their remainders

// Portions of the cut axis: one unit, within a tile, whole tiles, all.
std::vector<size_t> Cuts(size_t extent) {
  return {std::max<size_t>(1, extent / 3), extent - extent / 5, extent};
}

// What products really multiply with, in double: the inputs as they are, rounded to bf16, or
// as 8-bit integers times their scale.
double EffectiveInput(const KernelTable& kernels, const Inputs& inputs, size_t token, size_t k) {
  if (inputs.form == InputForm::kRows) return inputs.rows.data[token * inputs.rows.stride + k];
  const size_t block = token / kernels.block_tokens * kernels.block_tokens;
  const size_t width = std::min(kernels.block_tokens, inputs.tokens - block);
  const size_t lane = token - block;
  const size_t per_cell = InputsPerCell(inputs.form);
  const uint32_t* cell =
      inputs.cells + block * inputs.cells_per_token + k / per_cell * width + lane;
  const auto* bytes = reinterpret_cast<const std::byte*>(cell);
  if (inputs.form == InputForm::kFloat) return std::bit_cast<float>(*cell);
  if (inputs.form == InputForm::kBf16) {
    uint16_t half;
    std::memcpy(&half, bytes + k % 2 * sizeof half, sizeof half);
    return Bf16ToFloat(half);
  }
  const float scale = inputs.scales[block * inputs.groups + k / inputs.group * width + lane];
  return double{scale} * static_cast<int8_t>(bytes[k % 4]);
}

struct Case {
  const KernelTable& kernels;
  const PackedMatrix& packed;
  size_t kept_outputs;
  size_t kept_inputs;
  size_t tokens;
  bool accumulate;

  std::string Name() const {
    return StrCat(kernels.name, " ", WeightTypeName(packed.matrix.type), " group ",
                  packed.matrix.tile_columns, ", ", kept_outputs, " of ", packed.matrix.rows, " x ",
                  kept_inputs, " of ", packed.matrix.columns, ", ", tokens, " tokens");
  }
};

// Runs the tile rows in two calls, as two threads would.
std::vector<float> Multiply(const Case& c, const std::vector<float>& rows, size_t stride,
                            InputBuffer& buffer, Inputs& inputs) {
  inputs =
      buffer.Describe(c.kernels, c.packed.matrix, c.kept_inputs, c.tokens, {rows.data(), stride});
  InputBuffer::Fill(c.kernels, inputs, 0, c.tokens);
  std::vector<float> outputs(c.tokens * c.packed.matrix.rows, kUntouched);
  const size_t tile_rows = (c.kept_outputs + Matrix::kTileRows - 1) / Matrix::kTileRows;
  const size_t middle = tile_rows / 2;
  for (const auto& [begin, end] : {std::pair(size_t{0}, middle), std::pair(middle, tile_rows)}) {
    if (begin == end) continue;
    c.kernels.product({&c.packed.matrix,
                       &inputs,
                       c.kept_outputs,
                       c.kept_inputs,
                       begin,
                       end,
                       c.accumulate,
                       {outputs.data(), c.packed.matrix.rows}});
  }
  return outputs;
}

void Check(const Case& c) {
  SCOPED_TRACE(c.Name());
  const size_t columns = c.packed.matrix.columns;
  const size_t stride = columns + 3;
  // What lies behind the kept inputs must not be read.
  std::vector<float> rows = RandomFloats(c.tokens * stride, 7);
  for (size_t t = 0; t < c.tokens; ++t) {
    std::fill_n(rows.begin() + static_cast<ptrdiff_t>(t * stride + c.kept_inputs),
                stride - c.kept_inputs, std::numeric_limits<float>::quiet_NaN());
  }
  InputBuffer buffer = InputBuffer::Create(c.tokens, columns).value();
  Inputs inputs;
  const std::vector<float> outputs = Multiply(c, rows, stride, buffer, inputs);
  for (size_t t = 0; t < c.tokens; ++t) {
    for (size_t row = 0; row < c.packed.matrix.rows; ++row) {
      const float actual = outputs[t * c.packed.matrix.rows + row];
      if (row >= c.kept_outputs) {
        ASSERT_EQ(actual, kUntouched) << "token " << t << " row " << row;
        continue;
      }
      double expected = c.accumulate ? kUntouched : 0;
      for (size_t k = 0; k < c.kept_inputs; ++k) {
        expected +=
            double{c.packed.values[row * columns + k]} * EffectiveInput(c.kernels, inputs, t, k);
      }
      ASSERT_NEAR(actual, expected, c.accumulate ? 1e-4 : 2e-5) << "token " << t << " row " << row;
    }
  }
}

std::vector<uint32_t> GroupsOf(WeightType type) {
  if (!IsQuantised(type)) return {32};
  return {8, 32, 128};
}

class ProductTest : public ::testing::TestWithParam<WeightType> {};

TEST_P(ProductTest, OutputCutAgreesWithDoublePrecision) {
  uint64_t seed = 0;
  for (const Shape& shape : kShapes) {
    for (const uint32_t group : GroupsOf(GetParam())) {
      const PackedMatrix packed = PackRandom(
          OutputMajorLayout(shape.rows, shape.columns, GetParam(), group), GetParam(), ++seed);
      for (const KernelTable* kernels : testing::SupportedKernels()) {
        for (const size_t kept : Cuts(shape.rows)) {
          for (const size_t tokens : kTokenCounts) {
            Check({*kernels, packed, kept, shape.columns, tokens, false});
          }
        }
      }
    }
  }
}

TEST_P(ProductTest, InputCutAddsAndAgreesWithDoublePrecision) {
  uint64_t seed = 100;
  for (const Shape& shape : kShapes) {
    for (const uint32_t group : GroupsOf(GetParam())) {
      const PackedMatrix packed = PackRandom(
          InputMajorLayout(shape.rows, shape.columns, GetParam(), group), GetParam(), ++seed);
      for (const KernelTable* kernels : testing::SupportedKernels()) {
        for (const size_t kept : Cuts(shape.columns)) {
          for (const size_t tokens : kTokenCounts) {
            Check({*kernels, packed, shape.rows, kept, tokens, true});
          }
        }
      }
    }
  }
}

// Wider panels than this version writes.
TEST_P(ProductTest, PanelsOfSeveralTilesAreRead) {
  TileLayout layout = InputMajorLayout(40, 200, GetParam(), 32);
  layout.panel_columns = 96;
  const PackedMatrix packed = PackRandom(layout, GetParam(), 5);
  for (const KernelTable* kernels : testing::SupportedKernels()) {
    for (const size_t kept : {1, 32, 96, 97, 150, 200}) {
      Check({*kernels, packed, 40, kept, 3, true});
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllTypes, ProductTest, ::testing::ValuesIn(kWeightTypes),
                         [](const auto& param) { return WeightTypeName(param.param); });

// Integer sums are exact: only the order of additions between groups may differ.
TEST(ProductAgreementTest, QuantisedProductsHardlyDifferBetweenInstructionSets) {
  for (const WeightType type : {WeightType::kQ8, WeightType::kQ4}) {
    const PackedMatrix packed = PackRandom(OutputMajorLayout(96, 512, type, 64), type, 9);
    const std::vector<float> rows = RandomFloats(7 * 512, 10);
    std::vector<std::vector<float>> results;
    for (const KernelTable* kernels : testing::SupportedKernels()) {
      InputBuffer buffer = InputBuffer::Create(7, 512).value();
      Inputs inputs;
      results.push_back(Multiply({*kernels, packed, 96, 512, 7, false}, rows, 512, buffer, inputs));
    }
    for (const auto& result : results) {
      for (size_t i = 0; i < result.size(); ++i) ASSERT_NEAR(result[i], results[0][i], 1e-5) << i;
    }
  }
}

// Every code and every input at the end of its range, so that all products of a sum are the
// largest.
TEST(ProductAgreementTest, TheLargestCodesDoNotOverflow) {
  constexpr size_t kColumns = 1024;
  constexpr size_t kTokens = 5;  // a block of tokens, and a single one behind it
  for (const WeightType type : {WeightType::kQ8, WeightType::kQ4}) {
    const TileLayout layout = OutputMajorLayout(16, kColumns, type, kColumns);
    for (const int code : {LeastCode(type), GreatestCode(type)}) {
      const QuantisedMatrix matrix{
          .rows = 16,
          .columns = kColumns,
          .group = kColumns,
          .codes = std::vector<int8_t>(16 * kColumns, static_cast<int8_t>(code)),
          .scales = std::vector<uint16_t>(16, FloatToF16(1.0F))};
      PackedMatrix packed{std::vector<float>(16 * kColumns), {}, {}};
      Dequantise(matrix, packed.values);
      packed.bytes.resize(layout.StoredBytes(type).value());
      PackQuantisedTiles(layout, type, matrix, packed.bytes);
      packed.matrix = MakeMatrix(packed.bytes, type, layout).value();
      for (const int input : {-127, 127}) {
        const std::vector<float> rows(kTokens * kColumns, static_cast<float>(input));
        for (const KernelTable* kernels : testing::SupportedKernels()) {
          InputBuffer buffer = InputBuffer::Create(kTokens, kColumns).value();
          Inputs inputs;
          const auto outputs = Multiply({*kernels, packed, 16, kColumns, kTokens, false}, rows,
                                        kColumns, buffer, inputs);
          const auto expected = static_cast<float>(code * input * int{kColumns});
          for (size_t i = 0; i < outputs.size(); ++i) {
            ASSERT_EQ(outputs[i], expected) << kernels->name << " " << code << " at " << i;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace elm
