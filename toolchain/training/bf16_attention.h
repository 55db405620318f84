// Causal self-attention of sequences that lie one behind the other, with rotary positions, in
// bfloat16 with float32 sums: forward and backward, never holding the scores of more than a few
// rows. Raw kernels, as those of bf16_kernels.h.
#pragma once

#include <cstdint>

namespace elm {

struct AttentionShape {
  int64_t query_heads = 0;
  int64_t kv_heads = 0;  // divides query_heads; query head h reads KV head h / (query / kv heads)
  int64_t head_dim = 0;  // a multiple of kBf16Columns for these kernels

  // Columns of a row of packed projections: queries, keys, values.
  int64_t packed_width() const { return (query_heads + 2 * kv_heads) * head_dim; }
};

// A run of rows that see each other: token i of it stands at position i and sees 0..i.
struct RowSpan {
  int64_t begin = 0;
  int64_t length = 0;
};

// What forward and backward share. cosine and sine [positions, head_dim / 2]; pair i of a head is
// its columns i and i + head_dim / 2.
struct AttentionTensors {
  AttentionShape shape;
  const float* cosine = nullptr;
  const float* sine = nullptr;
  const uint16_t* packed = nullptr;  // [rows, packed_width()]
  int64_t rows = 0;
};

// Mixes the values of the query heads that read `kv_head`, for the rows of `span`. mixed [rows,
// query_heads * head_dim]; log_sums [query_heads, rows]: log of the softmax's denominator.
void Bf16Attend(const AttentionTensors& tensors, RowSpan span, int64_t kv_head, uint16_t* mixed,
                float* log_sums);

// Writes the columns of packed_gradient [rows, packed_width()] that belong to `kv_head` and its
// query heads, for the rows of `span`, from those of the forward pass and mixed_gradient.
void Bf16AttendGradient(const AttentionTensors& tensors, RowSpan span, int64_t kv_head,
                        const uint16_t* mixed, const float* log_sums,
                        const uint16_t* mixed_gradient, uint16_t* packed_gradient);

}  // namespace elm
