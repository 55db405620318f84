#include "runtime/kernels/matrix.h"

#include <algorithm>
#include <cstring>

#include "formats/base/checked_math.h"
#include "runtime/kernels/lanes.h"

namespace elm {
namespace {

// What one product keeps of a matrix, and where its activations lie.
struct Product {
  const Matrix& matrix;
  size_t kept_outputs;
  size_t kept_inputs;
  size_t tokens;
  InputRows inputs;
  OutputRows outputs;
};

// outputs[t, 0:live] += the first `live` sums of sixteen neighbouring outputs over a run of inputs.
// A run holds no padding inputs; lanes of outputs that are padding or not kept are summed beside
// the others and dropped.
template <typename Weight, size_t kTokens>
ELM_INLINE void AddRun(const typename Weight::Stored* run, size_t run_inputs, InputRows inputs,
                       OutputRows outputs, size_t live) {
  Lanes sums[kTokens] = {};
  for (size_t k = 0; k < run_inputs; ++k) {
    Lanes weights;
    Weight::Load(run + k * kLanes, weights);
    for (size_t t = 0; t < kTokens; ++t) sums[t] += weights * inputs.data[t * inputs.stride + k];
  }
  for (size_t t = 0; t < kTokens; ++t) {
    float lanes[kLanes];
    StoreLanes(sums[t], lanes);
    float* row = outputs.data + t * outputs.stride;
    for (size_t lane = 0; lane < live; ++lane) row[lane] += lanes[lane];
  }
}

// As many blocks of kTokens tokens as there are behind the first `done`.
template <typename Weight, size_t kTokens>
ELM_INLINE void AddBlocks(const typename Weight::Stored* run, size_t run_inputs, size_t tokens,
                          InputRows inputs, OutputRows outputs, size_t live, size_t& done) {
  for (; tokens - done >= kTokens; done += kTokens) {
    AddRun<Weight, kTokens>(run, run_inputs, {inputs.data + done * inputs.stride, inputs.stride},
                            {outputs.data + done * outputs.stride, outputs.stride}, live);
  }
}

// All tokens over one run, eight at a time while its weights are in the cache, each converted once.
template <typename Weight>
ELM_INLINE void AddRunOfTokens(const typename Weight::Stored* run, size_t run_inputs, size_t tokens,
                               InputRows inputs, OutputRows outputs, size_t live) {
  size_t done = 0;
  AddBlocks<Weight, 8>(run, run_inputs, tokens, inputs, outputs, live, done);
  AddBlocks<Weight, 4>(run, run_inputs, tokens, inputs, outputs, live, done);
  AddBlocks<Weight, 2>(run, run_inputs, tokens, inputs, outputs, live, done);
  AddBlocks<Weight, 1>(run, run_inputs, tokens, inputs, outputs, live, done);
}

// Walks the kept prefix in the order in which it lies in memory.
template <typename Weight>
ELM_INLINE void AddProduct(const Product& product) {
  const Matrix& matrix = product.matrix;
  const auto* tiles = reinterpret_cast<const typename Weight::Stored*>(matrix.tiles);
  for (size_t first = 0; first < product.kept_inputs; first += matrix.panel_columns) {
    const size_t run_inputs = std::min(matrix.panel_columns, product.kept_inputs - first);
    const size_t stored = std::min(matrix.panel_columns, matrix.stored_columns - first);
    const auto* panel = tiles + first * matrix.stored_rows;
    for (size_t output = 0; output < product.kept_outputs; output += kLanes) {
      AddRunOfTokens<Weight>(panel + output * stored, run_inputs, product.tokens,
                             {product.inputs.data + first, product.inputs.stride},
                             {product.outputs.data + output, product.outputs.stride},
                             std::min(kLanes, product.kept_outputs - output));
    }
  }
}

ELM_MULTIVERSION void AddProductF32(const Product& product) { AddProduct<F32Weight>(product); }
ELM_MULTIVERSION void AddProductF16(const Product& product) { AddProduct<F16Weight>(product); }
ELM_MULTIVERSION void AddProductBf16(const Product& product) { AddProduct<Bf16Weight>(product); }

void AddAnyProduct(const Product& product) {
  switch (product.matrix.dtype) {
    case DType::kF32:
      return AddProductF32(product);
    case DType::kF16:
      return AddProductF16(product);
    case DType::kBf16:
      return AddProductBf16(product);
  }
}

}  // namespace

Result<Matrix> MakeMatrix(std::span<const std::byte> bytes, DType dtype, const TileLayout& layout) {
  if (layout.order == layout::TensorLayout::kVector) {
    return Unsupported("a matrix is stored as a plain vector, expected tiles");
  }
  if (layout.tile_rows != kLanes || layout.interleave != 1 || layout.tile_columns == 0) {
    return Unsupported("tiles of ", layout.tile_rows, " outputs with interleave ",
                       layout.interleave, ", this build reads ", kLanes, " with interleave 1");
  }
  const bool input_major = layout.order == layout::TensorLayout::kInputMajor;
  if (input_major &&
      (layout.panel_columns == 0 || layout.panel_columns % layout.tile_columns != 0)) {
    return Corruption("panels of ", layout.panel_columns,
                      " inputs, expected a multiple of the tile's ", layout.tile_columns);
  }
  const std::optional<uint64_t> elements = layout.StoredElements();
  if (!elements || *elements > bytes.size() / DTypeSize(dtype)) {
    return Corruption("holds ", bytes.size(), " bytes, too few for ", layout.rows, " x ",
                      layout.columns, " ", DTypeName(dtype));
  }
  Matrix matrix;
  matrix.tiles = bytes.data();
  matrix.dtype = dtype;
  matrix.order = layout.order;
  matrix.rows = layout.rows;
  matrix.columns = layout.columns;
  matrix.stored_rows = AlignUp(layout.rows, layout.tile_rows);
  matrix.stored_columns = AlignUp(layout.columns, layout.tile_columns);
  matrix.panel_columns = input_major ? layout.panel_columns : matrix.stored_columns;
  return matrix;
}

void MatMulOutputCut(const Matrix& matrix, size_t kept, size_t tokens, InputRows inputs,
                     OutputRows outputs) {
  for (size_t t = 0; t < tokens; ++t) std::fill_n(outputs.data + t * outputs.stride, kept, 0.0F);
  AddAnyProduct({matrix, kept, matrix.columns, tokens, inputs, outputs});
}

void AddMatMulInputCut(const Matrix& matrix, size_t kept, size_t tokens, InputRows inputs,
                       OutputRows outputs) {
  AddAnyProduct({matrix, matrix.rows, kept, tokens, inputs, outputs});
}

void DecodeRow(const Matrix& matrix, size_t row, float* values) {
  const size_t tile_start = row / kLanes * kLanes * matrix.stored_columns;
  const size_t element_size = DTypeSize(matrix.dtype);
  const std::byte* first = matrix.tiles + (tile_start + row % kLanes) * element_size;
  for (size_t column = 0; column < matrix.columns; ++column) {
    DecodeToFloat(matrix.dtype, first + column * kLanes * element_size, {values + column, 1});
  }
}

}  // namespace elm
