#include "runtime/kernels/input_buffer.h"

#include <algorithm>
#include <utility>

#include "formats/base/checked_math.h"

namespace elm {
namespace {

// Groups have at least this many inputs.
constexpr size_t kSmallestGroup = 8;

InputForm FormFor(const KernelTable& kernels, WeightType type) {
  if (IsQuantised(type)) return InputForm::kQuantised;
  if (ReadsRows(type)) return InputForm::kRows;
  return kernels.bf16_products ? InputForm::kBf16 : InputForm::kFloat;
}

}  // namespace

Result<InputBuffer> InputBuffer::Create(size_t tokens, size_t columns) {
  InputBuffer buffer;
  const size_t padded = AlignUp(columns, layout::kMaxTileColumns);
  const size_t groups = padded / kSmallestGroup;
  ELM_ASSIGN_OR_RETURN(buffer.cells_,
                       AlignedBuffer<uint32_t>::Create({tokens, padded}, "scratch memory"));
  ELM_ASSIGN_OR_RETURN(buffer.scales_,
                       AlignedBuffer<float>::Create({tokens, groups}, "scratch memory"));
  ELM_ASSIGN_OR_RETURN(buffer.sums_,
                       AlignedBuffer<int32_t>::Create({tokens, groups}, "scratch memory"));
  return buffer;
}

void InputBuffer::Discard() {
  cells_.Discard();
  scales_.Discard();
  sums_.Discard();
}

Inputs InputBuffer::Describe(const KernelTable& kernels, const Matrix& matrix, size_t columns,
                             size_t tokens, InputRows rows) {
  Inputs inputs = InPlace(columns, tokens, rows);
  inputs.form = FormFor(kernels, matrix.type);
  if (inputs.form == InputForm::kRows) return inputs;
  const size_t padded = AlignUp(columns, matrix.tile_columns);
  inputs.cells = cells_.data();
  inputs.cells_per_token = CeilDiv(padded, InputsPerCell(inputs.form));
  inputs.group = matrix.tile_columns;
  inputs.groups = padded / matrix.tile_columns;
  inputs.scales = scales_.data();
  inputs.sums = sums_.data();
  return inputs;
}

Inputs InputBuffer::InPlace(size_t columns, size_t tokens, InputRows rows) {
  Inputs inputs;
  inputs.form = InputForm::kRows;
  inputs.tokens = tokens;
  inputs.columns = columns;
  inputs.rows = rows;
  return inputs;
}

void InputBuffer::Fill(const KernelTable& kernels, const Inputs& inputs, size_t begin, size_t end) {
  if (inputs.form == InputForm::kRows) return;
  for (size_t token = begin; token < end; ++token) {
    const size_t block = token / kernels.block_tokens * kernels.block_tokens;
    const size_t width = std::min(kernels.block_tokens, inputs.tokens - block);
    const size_t lane = token - block;
    const float* row = inputs.rows.data + token * inputs.rows.stride;
    uint32_t* cells = inputs.cells + block * inputs.cells_per_token + lane;
    switch (inputs.form) {
      case InputForm::kRows:
        break;
      case InputForm::kFloat:
        kernels.pack_floats(row, inputs.columns, inputs.cells_per_token, width, cells);
        break;
      case InputForm::kBf16:
        kernels.pack_bf16(row, inputs.columns, inputs.cells_per_token, width, cells);
        break;
      case InputForm::kQuantised:
        kernels.quantise(row, inputs.columns, inputs.group, inputs.groups, width, cells,
                         inputs.scales + block * inputs.groups + lane,
                         inputs.sums + block * inputs.groups + lane);
        break;
    }
  }
}

}  // namespace elm
