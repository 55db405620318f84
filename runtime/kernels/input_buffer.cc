#include "runtime/kernels/input_buffer.h"

#include <utility>

#include "formats/base/checked_math.h"

namespace elm {
namespace {

// Groups have at least this many inputs, and at most layout::kMaxTileColumns.
constexpr size_t kSmallestGroup = 8;

}  // namespace

Result<InputBuffer> InputBuffer::Create(size_t tokens, size_t columns) {
  InputBuffer buffer;
  const size_t padded = AlignUp(columns, layout::kMaxTileColumns);
  ELM_ASSIGN_OR_RETURN(buffer.elements_,
                       AlignedBuffer<uint16_t>::Create({tokens, padded}, "scratch memory"));
  const size_t groups = padded / kSmallestGroup;
  ELM_ASSIGN_OR_RETURN(buffer.scales_,
                       AlignedBuffer<float>::Create({tokens, groups}, "scratch memory"));
  ELM_ASSIGN_OR_RETURN(buffer.sums_,
                       AlignedBuffer<int32_t>::Create({tokens, groups}, "scratch memory"));
  return buffer;
}

Inputs InputBuffer::Describe(const KernelTable& kernels, const Matrix& matrix, size_t columns,
                             size_t tokens, InputRows rows) {
  Inputs inputs;
  inputs.tokens = tokens;
  inputs.columns = columns;
  inputs.floats = rows;
  inputs.stride = AlignUp(columns, matrix.tile_columns);
  if (IsQuantised(matrix.type)) {
    inputs.form = InputForm::kQuantised;
    inputs.codes = reinterpret_cast<int8_t*>(elements_.data());
    inputs.group = matrix.tile_columns;
    inputs.groups = inputs.stride / inputs.group;
    inputs.scales = scales_.data();
    inputs.sums = sums_.data();
  } else if (matrix.type == WeightType::kBf16 && kernels.bf16_products) {
    inputs.form = InputForm::kBf16;
    inputs.halves = elements_.data();
  }
  return inputs;
}

void InputBuffer::Fill(const KernelTable& kernels, const Inputs& inputs, size_t begin, size_t end) {
  for (size_t t = begin; t < end; ++t) {
    const float* row = inputs.floats.data + t * inputs.floats.stride;
    if (inputs.form == InputForm::kQuantised) {
      kernels.quantise(row, inputs.columns, inputs.stride, inputs.group,
                       inputs.codes + t * inputs.stride, inputs.scales + t * inputs.groups,
                       inputs.sums + t * inputs.groups);
    } else if (inputs.form == InputForm::kBf16) {
      kernels.to_bf16(row, inputs.columns, inputs.stride, inputs.halves + t * inputs.stride);
    }
  }
}

}  // namespace elm
