#include "toolchain/training/bf16_attention.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>

#include "toolchain/training/bf16_kernels.h"
#include "toolchain/training/bf16_lanes.h"

namespace elm {

#ifdef ELM_BF16_LANES

namespace {

constexpr int64_t kTileRows = 8;    // rows of scores that are made at once
constexpr int64_t kBlockRows = 32;  // rows whose share of the keys' gradients is added at once

int64_t RoundUp(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// An array aligned to cache lines that only grows. Get(0) is what the last Get() returned.
template <typename T>
class Buffer {
 public:
  T* Get(int64_t count) {
    if (count > capacity_) {
      const auto bytes = static_cast<size_t>(RoundUp(count * static_cast<int64_t>(sizeof(T)), 64));
      data_.reset(static_cast<T*>(std::aligned_alloc(64, bytes)));
      if (data_ == nullptr) throw std::bad_alloc();
      capacity_ = count;
    }
    return data_.get();
  }
  T* Zeroed(int64_t count) {
    T* data = Get(count);
    std::memset(static_cast<void*>(data), 0, static_cast<size_t>(count) * sizeof(T));
    return data;
  }

 private:
  struct Free {
    void operator()(T* data) const { std::free(data); }
  };
  std::unique_ptr<T, Free> data_;
  int64_t capacity_ = 0;
};

// What one thread works in. `length` below is the span's, rounded up to whole blocks; a word is a
// pair of bfloat16 values that one step of a product takes.
struct Scratch {
  Buffer<uint32_t> key_columns;    // [head_dim / 2, length] words along head_dim
  Buffer<uint32_t> value_columns;  // [head_dim / 2, length] words along head_dim
  Buffer<uint32_t> key_rows;       // [length / 2, head_dim] words along positions
  Buffer<uint32_t> value_rows;     // [length / 2, head_dim] words along positions
  Buffer<uint16_t> query;          // [length, head_dim]
  Buffer<uint32_t> query_rows;     // [length / 2, head_dim]
  Buffer<uint16_t> gradient;       // [length, head_dim], of the mixed values
  Buffer<uint32_t> gradient_rows;  // [length / 2, head_dim]
  Buffer<float> scores;            // [kTileRows, length]
  Buffer<float> slopes;            // [kTileRows, length]
  Buffer<uint16_t> weights;        // [kTileRows, length]
  Buffer<uint32_t> weight_pairs;   // [kBlockRows / 2, length] words along rows
  Buffer<uint32_t> slope_pairs;    // [kBlockRows / 2, length] words along rows
  Buffer<float> tile;              // [kTileRows, head_dim]
  Buffer<float> key_gradient;      // [length, head_dim]
  Buffer<float> value_gradient;    // [length, head_dim]
  Buffer<float> deltas;            // [length]
  Buffer<float> log_sums;          // [length]
};

Scratch& ThreadScratch() {
  thread_local Scratch scratch;
  return scratch;
}

// c[row, column] (+)= sum over k of the products of the pairs a[row, k] and b[k, column], for kRows
// rows and kVectors * 16 columns.
template <int kRows, int kVectors, bool kAdd>
ELM_BF16 inline void MultiplyTile(const uint32_t* a, int64_t a_row_stride, int64_t a_inner_stride,
                                  const uint32_t* b, int64_t b_stride, int64_t inner, float* c,
                                  int64_t c_stride) {
  __m512 sums[kRows][kVectors];
  for (int row = 0; row < kRows; ++row) {
    for (int v = 0; v < kVectors; ++v) {
      sums[row][v] =
          kAdd ? _mm512_loadu_ps(c + row * c_stride + v * kBf16Lanes) : _mm512_setzero_ps();
    }
  }
  for (int64_t k = 0; k < inner; ++k) {
    __m512bh columns[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      columns[v] = (__m512bh)_mm512_loadu_si512(b + k * b_stride + v * kBf16Lanes);
    }
    for (int row = 0; row < kRows; ++row) {
      const auto pair =
          (__m512bh)_mm512_set1_epi32(static_cast<int>(a[row * a_row_stride + k * a_inner_stride]));
      for (int v = 0; v < kVectors; ++v) {
        sums[row][v] = _mm512_dpbf16_ps(sums[row][v], pair, columns[v]);
      }
    }
  }
  for (int row = 0; row < kRows; ++row) {
    for (int v = 0; v < kVectors; ++v) {
      _mm512_storeu_ps(c + row * c_stride + v * kBf16Lanes, sums[row][v]);
    }
  }
}

// The same for any multiple of 16 columns.
template <bool kAdd>
ELM_BF16 void MultiplyRows(const uint32_t* a, int64_t a_row_stride, int64_t a_inner_stride,
                           const uint32_t* b, int64_t b_stride, int64_t inner, int64_t columns,
                           float* c, int64_t c_stride) {
  int64_t column = 0;
  for (; column + 32 <= columns; column += 32) {
    MultiplyTile<kTileRows, 2, kAdd>(a, a_row_stride, a_inner_stride, b + column, b_stride, inner,
                                     c + column, c_stride);
  }
  if (column < columns) {
    MultiplyTile<kTileRows, 1, kAdd>(a, a_row_stride, a_inner_stride, b + column, b_stride, inner,
                                     c + column, c_stride);
  }
}

// Pair i of a head turns by the angle of `cosine` and `sine`; the result is scaled.
ELM_BF16 inline void RotateRow(const uint16_t* source, const float* cosine, const float* sine,
                               int64_t half, float scale, uint16_t* target) {
  const __m512 factor = _mm512_set1_ps(scale);
  for (int64_t i = 0; i < half; i += kBf16Lanes) {
    const __m512 first = LoadBf16(source + i);
    const __m512 second = LoadBf16(source + half + i);
    const __m512 c = _mm512_mul_ps(_mm512_loadu_ps(cosine + i), factor);
    const __m512 s = _mm512_mul_ps(_mm512_loadu_ps(sine + i), factor);
    StoreBf16(_mm512_fmsub_ps(first, c, _mm512_mul_ps(second, s)), target + i);
    StoreBf16(_mm512_fmadd_ps(second, c, _mm512_mul_ps(first, s)), target + half + i);
  }
}

// The gradient before the rotation from that behind it: the rotation backwards.
ELM_BF16 inline void UnrotateRow(const float* source, const float* cosine, const float* sine,
                                 int64_t half, float scale, uint16_t* target) {
  const __m512 factor = _mm512_set1_ps(scale);
  for (int64_t i = 0; i < half; i += kBf16Lanes) {
    const __m512 first = _mm512_loadu_ps(source + i);
    const __m512 second = _mm512_loadu_ps(source + half + i);
    const __m512 c = _mm512_mul_ps(_mm512_loadu_ps(cosine + i), factor);
    const __m512 s = _mm512_mul_ps(_mm512_loadu_ps(sine + i), factor);
    StoreBf16(_mm512_fmadd_ps(first, c, _mm512_mul_ps(second, s)), target + i);
    StoreBf16(_mm512_fmsub_ps(second, c, _mm512_mul_ps(first, s)), target + half + i);
  }
}

// rows [length, columns] -> words [columns / 2, length] of neighbouring columns.
void PackColumns(const uint16_t* rows, int64_t length, int64_t columns, uint32_t* words) {
  for (int64_t row = 0; row < length; ++row) {
    for (int64_t pair = 0; pair < columns / 2; ++pair) {
      std::memcpy(words + pair * length + row, rows + row * columns + 2 * pair, sizeof *words);
    }
  }
}

// rows [length, columns] -> words [length / 2, columns] of neighbouring rows.
ELM_BF16 void PackRows(const uint16_t* rows, int64_t length, int64_t columns, uint32_t* words) {
  for (int64_t row = 0; row < length; row += 2) {
    const uint16_t* low = rows + row * columns;
    for (int64_t i = 0; i < columns; i += kBf16Lanes) {
      const auto* lower = reinterpret_cast<const __m256i*>(low + i);
      const auto* upper = reinterpret_cast<const __m256i*>(low + columns + i);
      _mm512_storeu_si512(words + row / 2 * columns + i,
                          InterleavePairs(_mm256_loadu_si256(lower), _mm256_loadu_si256(upper)));
    }
  }
}

// One span and one KV head: where things lie, for both directions.
struct Pass {
  const AttentionTensors& tensors;
  RowSpan span;
  int64_t kv_head;

  int64_t head_dim() const { return tensors.shape.head_dim; }
  int64_t half() const { return head_dim() / 2; }
  int64_t padded() const { return RoundUp(span.length, kBlockRows); }
  int64_t group() const { return tensors.shape.query_heads / tensors.shape.kv_heads; }
  float scale() const { return 1.0F / std::sqrt(static_cast<float>(head_dim())); }
  int64_t mixed_width() const { return tensors.shape.query_heads * head_dim(); }
  int64_t KeyColumn() const { return (tensors.shape.query_heads + kv_head) * head_dim(); }
  int64_t ValueColumn() const { return KeyColumn() + tensors.shape.kv_heads * head_dim(); }
  const float* Cosine(int64_t row) const { return tensors.cosine + row * half(); }
  const float* Sine(int64_t row) const { return tensors.sine + row * half(); }
  const uint16_t* Packed(int64_t row, int64_t column) const {
    return tensors.packed + (span.begin + row) * tensors.shape.packed_width() + column;
  }
};

// Copies `head_dim` columns of the span's rows, rotated, into rows [padded, head_dim]; rows behind
// the span are zero.
ELM_BF16 void TakeRotated(const Pass& pass, int64_t column, float scale, uint16_t* rows) {
  const int64_t head_dim = pass.head_dim();
  for (int64_t row = 0; row < pass.span.length; ++row) {
    RotateRow(pass.Packed(row, column), pass.Cosine(row), pass.Sine(row), pass.half(), scale,
              rows + row * head_dim);
  }
  const int64_t behind = pass.padded() - pass.span.length;
  std::memset(rows + pass.span.length * head_dim, 0,
              static_cast<size_t>(behind * head_dim) * sizeof *rows);
}

// The same as it stands, from any array with `stride` columns.
void Take(const Pass& pass, const uint16_t* source, int64_t stride, uint16_t* rows) {
  const int64_t head_dim = pass.head_dim();
  for (int64_t row = 0; row < pass.span.length; ++row) {
    std::memcpy(rows + row * head_dim, source + row * stride,
                static_cast<size_t>(head_dim) * sizeof *rows);
  }
  const int64_t behind = pass.padded() - pass.span.length;
  std::memset(rows + pass.span.length * head_dim, 0,
              static_cast<size_t>(behind * head_dim) * sizeof *rows);
}

const uint32_t* Words(const uint16_t* values) { return reinterpret_cast<const uint32_t*>(values); }

// scores[0..visible) -> unnormalised weights in bfloat16, zeros up to `columns`. Returns the log of
// their sum, and 1 / sum in `inverse_sum`.
ELM_BF16 float Softmax(const float* scores, int64_t visible, int64_t columns, uint16_t* weights,
                       float* inverse_sum) {
  __m512 highest = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
  int64_t i = 0;
  for (; i + kBf16Lanes <= visible; i += kBf16Lanes) {
    highest = _mm512_max_ps(highest, _mm512_loadu_ps(scores + i));
  }
  const auto tail = static_cast<__mmask16>((1U << (visible - i)) - 1U);
  highest = _mm512_mask_max_ps(highest, tail, highest, _mm512_maskz_loadu_ps(tail, scores + i));
  const float top = _mm512_reduce_max_ps(highest);
  __m512 sums = _mm512_setzero_ps();
  for (i = 0; i + kBf16Lanes <= visible; i += kBf16Lanes) {
    const __m512 weight = Exp(_mm512_sub_ps(_mm512_loadu_ps(scores + i), _mm512_set1_ps(top)));
    sums = _mm512_add_ps(sums, weight);
    StoreBf16(weight, weights + i);
  }
  for (; i < columns; i += kBf16Lanes) {
    const auto mask = static_cast<__mmask16>(
        i >= visible ? 0U : (1U << std::min<int64_t>(visible - i, kBf16Lanes)) - 1U);
    const __m512 weight = _mm512_maskz_mov_ps(
        mask, Exp(_mm512_sub_ps(_mm512_loadu_ps(scores + i), _mm512_set1_ps(top))));
    sums = _mm512_add_ps(sums, weight);
    StoreBf16(weight, weights + i);
  }
  const float sum = _mm512_reduce_add_ps(sums);
  *inverse_sum = 1.0F / sum;
  return top + std::log(sum);
}

ELM_BF16 void AttendHead(const Pass& pass, int64_t head, Scratch& scratch, uint16_t* mixed,
                         float* log_sums) {
  const int64_t head_dim = pass.head_dim();
  const int64_t padded = pass.padded();
  const uint32_t* keys = scratch.key_columns.Get(0);
  const uint32_t* values = scratch.value_rows.Get(0);
  uint16_t* query = scratch.query.Get(padded * head_dim);
  float* scores = scratch.scores.Get(kTileRows * padded);
  uint16_t* weights = scratch.weights.Get(kTileRows * padded);
  float* tile = scratch.tile.Get(kTileRows * head_dim);
  TakeRotated(pass, head * head_dim, pass.scale(), query);
  for (int64_t first = 0; first < pass.span.length; first += kTileRows) {
    const int64_t columns = RoundUp(first + kTileRows, kBf16Lanes);
    MultiplyRows<false>(Words(query + first * head_dim), pass.half(), 1, keys, padded, pass.half(),
                        columns, scores, padded);
    float inverse_sums[kTileRows];
    for (int64_t row = 0; row < kTileRows; ++row) {
      const float log_sum = Softmax(scores + row * padded, first + row + 1, columns,
                                    weights + row * padded, &inverse_sums[row]);
      if (first + row < pass.span.length) log_sums[first + row] = log_sum;
    }
    MultiplyRows<false>(Words(weights), padded / 2, 1, values, head_dim, (first + kTileRows) / 2,
                        head_dim, tile, head_dim);
    const int64_t rows = std::min(kTileRows, pass.span.length - first);
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t i = 0; i < head_dim; i += kBf16Lanes) {
        const __m512 mix = _mm512_mul_ps(_mm512_loadu_ps(tile + row * head_dim + i),
                                         _mm512_set1_ps(inverse_sums[row]));
        StoreBf16(mix, mixed + (first + row) * pass.mixed_width() + i);
      }
    }
  }
}

// deltas[row] = sum over columns of gradient * mixed.
ELM_BF16 void Deltas(const Pass& pass, const uint16_t* gradient, const uint16_t* mixed,
                     float* deltas) {
  for (int64_t row = 0; row < pass.span.length; ++row) {
    __m512 sum = _mm512_setzero_ps();
    for (int64_t i = 0; i < pass.head_dim(); i += kBf16Lanes) {
      sum = _mm512_fmadd_ps(LoadBf16(gradient + row * pass.mixed_width() + i),
                            LoadBf16(mixed + row * pass.mixed_width() + i), sum);
    }
    deltas[row] = _mm512_reduce_add_ps(sum);
  }
}

// Two neighbouring rows of scores and of d loss / d weight become weights and slopes, as pairs of
// rows and, the slopes, as rows of their own too.
struct SlopeRows {
  int64_t first;           // row of the span
  int64_t columns;         // computed; a multiple of 16
  int64_t stride;          // of all arrays, in elements
  const float* scores;     // [2, stride]
  const float* slopes;     // [2, stride]
  const float* log_sums;   // [2]
  const float* deltas;     // [2]
  uint32_t* weight_pairs;  // [stride]
  uint32_t* slope_pairs;   // [stride]
  uint16_t* slope_rows;    // [2, stride]
};

ELM_BF16 void MakeSlopes(const SlopeRows& rows) {
  for (int64_t i = 0; i < rows.columns; i += kBf16Lanes) {
    __m256i weights[2];
    __m256i slopes[2];
    for (int row = 0; row < 2; ++row) {
      const int64_t seen = std::clamp<int64_t>(rows.first + row + 1 - i, 0, kBf16Lanes);
      const auto mask = static_cast<__mmask16>((1U << seen) - 1U);
      const __m512 score = _mm512_loadu_ps(rows.scores + row * rows.stride + i);
      const __m512 weight =
          _mm512_maskz_mov_ps(mask, Exp(_mm512_sub_ps(score, _mm512_set1_ps(rows.log_sums[row]))));
      const __m512 slope =
          _mm512_mul_ps(weight, _mm512_sub_ps(_mm512_loadu_ps(rows.slopes + row * rows.stride + i),
                                              _mm512_set1_ps(rows.deltas[row])));
      weights[row] = ToBf16(weight);
      slopes[row] = ToBf16(slope);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(rows.slope_rows + row * rows.stride + i),
                          slopes[row]);
    }
    _mm512_storeu_si512(rows.weight_pairs + i, InterleavePairs(weights[0], weights[1]));
    _mm512_storeu_si512(rows.slope_pairs + i, InterleavePairs(slopes[0], slopes[1]));
  }
}

// Weights and slopes of the kTileRows rows behind `first`, and the gradients of their queries.
// `block` is the first row of the block that they belong to.
ELM_BF16 void TileGradient(const Pass& pass, int64_t head, int64_t block, int64_t first,
                           Scratch& scratch, uint16_t* packed_gradient) {
  const int64_t head_dim = pass.head_dim();
  const int64_t padded = pass.padded();
  const int64_t half = pass.half();
  const int64_t columns = RoundUp(first + kTileRows, kBf16Lanes);
  float* scores = scratch.scores.Get(kTileRows * padded);
  float* slopes = scratch.slopes.Get(kTileRows * padded);
  uint16_t* slope_rows = scratch.weights.Get(kTileRows * padded);
  MultiplyRows<false>(Words(scratch.query.Get(0) + first * head_dim), half, 1,
                      scratch.key_columns.Get(0), padded, half, columns, scores, padded);
  MultiplyRows<false>(Words(scratch.gradient.Get(0) + first * head_dim), half, 1,
                      scratch.value_columns.Get(0), padded, half, columns, slopes, padded);
  for (int64_t row = 0; row < kTileRows; row += 2) {
    const int64_t pair = (first - block + row) / 2 * padded;
    uint32_t* weight_pairs = scratch.weight_pairs.Get(0) + pair;
    uint32_t* slope_pairs = scratch.slope_pairs.Get(0) + pair;
    MakeSlopes({.first = first + row,
                .columns = columns,
                .stride = padded,
                .scores = scores + row * padded,
                .slopes = slopes + row * padded,
                .log_sums = scratch.log_sums.Get(0) + first + row,
                .deltas = scratch.deltas.Get(0) + first + row,
                .weight_pairs = weight_pairs,
                .slope_pairs = slope_pairs,
                .slope_rows = slope_rows + row * padded});
    // Nobody sees the columns behind, up to the block's end.
    std::fill(weight_pairs + columns, weight_pairs + block + kBlockRows, 0U);
    std::fill(slope_pairs + columns, slope_pairs + block + kBlockRows, 0U);
  }
  float* tile = scratch.tile.Get(kTileRows * head_dim);
  MultiplyRows<false>(Words(slope_rows), padded / 2, 1, scratch.key_rows.Get(0), head_dim,
                      (first + kTileRows) / 2, head_dim, tile, head_dim);
  uint16_t* target = packed_gradient + head * head_dim;
  for (int64_t row = first; row < std::min(first + kTileRows, pass.span.length); ++row) {
    UnrotateRow(tile + (row - first) * head_dim, pass.Cosine(row), pass.Sine(row), half,
                pass.scale(), target + row * pass.tensors.shape.packed_width());
  }
}

// What the rows of one block add to the gradients of the keys and values that they see.
ELM_BF16 void AddKeyValueGradients(const Pass& pass, int64_t block, Scratch& scratch) {
  const int64_t head_dim = pass.head_dim();
  const int64_t padded = pass.padded();
  const uint32_t* query_rows = scratch.query_rows.Get(0) + block / 2 * head_dim;
  const uint32_t* gradient_rows = scratch.gradient_rows.Get(0) + block / 2 * head_dim;
  for (int64_t key = 0; key < block + kBlockRows; key += kTileRows) {
    MultiplyRows<true>(scratch.slope_pairs.Get(0) + key, 1, padded, query_rows, head_dim,
                       kBlockRows / 2, head_dim, scratch.key_gradient.Get(0) + key * head_dim,
                       head_dim);
    MultiplyRows<true>(scratch.weight_pairs.Get(0) + key, 1, padded, gradient_rows, head_dim,
                       kBlockRows / 2, head_dim, scratch.value_gradient.Get(0) + key * head_dim,
                       head_dim);
  }
}

ELM_BF16 void AttendHeadGradient(const Pass& pass, int64_t head, Scratch& scratch,
                                 uint16_t* packed_gradient) {
  const int64_t padded = pass.padded();
  scratch.weight_pairs.Get(kBlockRows / 2 * padded);
  scratch.slope_pairs.Get(kBlockRows / 2 * padded);
  for (int64_t block = 0; block < padded; block += kBlockRows) {
    for (int64_t first = block; first < block + kBlockRows; first += kTileRows) {
      TileGradient(pass, head, block, first, scratch, packed_gradient);
    }
    AddKeyValueGradients(pass, block, scratch);
  }
}

// Rows behind the span take part in the products and must add nothing: their weights are e^-inf.
void PrepareSums(const Pass& pass, const float* log_sums, Scratch& scratch) {
  const int64_t padded = pass.padded();
  float* sums = scratch.log_sums.Get(padded);
  std::copy_n(log_sums, pass.span.length, sums);
  std::fill(sums + pass.span.length, sums + padded, std::numeric_limits<float>::max());
  float* deltas = scratch.deltas.Get(padded);
  std::fill(deltas + pass.span.length, deltas + padded, 0.0F);
}

ELM_BF16 void StoreKeyValueGradients(const Pass& pass, Scratch& scratch,
                                     uint16_t* packed_gradient) {
  const int64_t head_dim = pass.head_dim();
  for (int64_t row = 0; row < pass.span.length; ++row) {
    uint16_t* target = packed_gradient + row * pass.tensors.shape.packed_width();
    UnrotateRow(scratch.key_gradient.Get(0) + row * head_dim, pass.Cosine(row), pass.Sine(row),
                pass.half(), 1.0F, target + pass.KeyColumn());
    const float* values = scratch.value_gradient.Get(0) + row * head_dim;
    for (int64_t i = 0; i < head_dim; i += kBf16Lanes) {
      StoreBf16(_mm512_loadu_ps(values + i), target + pass.ValueColumn() + i);
    }
  }
}

}  // namespace

void Bf16Attend(const AttentionTensors& tensors, RowSpan span, int64_t kv_head, uint16_t* mixed,
                float* log_sums) {
  const Pass pass{tensors, span, kv_head};
  Scratch& scratch = ThreadScratch();
  const int64_t elements = pass.padded() * pass.head_dim();
  uint16_t* rows = scratch.query.Get(elements);
  TakeRotated(pass, pass.KeyColumn(), 1.0F, rows);
  PackColumns(rows, pass.padded(), pass.head_dim(), scratch.key_columns.Get(elements / 2));
  Take(pass, pass.Packed(0, pass.ValueColumn()), tensors.shape.packed_width(), rows);
  PackRows(rows, pass.padded(), pass.head_dim(), scratch.value_rows.Get(elements / 2));
  for (int64_t i = 0; i < pass.group(); ++i) {
    const int64_t head = kv_head * pass.group() + i;
    AttendHead(pass, head, scratch,
               mixed + span.begin * pass.mixed_width() + head * pass.head_dim(),
               log_sums + head * tensors.rows + span.begin);
  }
}

void Bf16AttendGradient(const AttentionTensors& tensors, RowSpan span, int64_t kv_head,
                        const uint16_t* mixed, const float* log_sums,
                        const uint16_t* mixed_gradient, uint16_t* packed_gradient) {
  const Pass pass{tensors, span, kv_head};
  Scratch& scratch = ThreadScratch();
  const int64_t head_dim = pass.head_dim();
  const int64_t padded = pass.padded();
  const int64_t elements = padded * head_dim;
  uint16_t* query = scratch.query.Get(elements);
  uint16_t* gradient = scratch.gradient.Get(elements);
  TakeRotated(pass, pass.KeyColumn(), 1.0F, query);
  PackColumns(query, padded, head_dim, scratch.key_columns.Get(elements / 2));
  PackRows(query, padded, head_dim, scratch.key_rows.Get(elements / 2));
  Take(pass, pass.Packed(0, pass.ValueColumn()), tensors.shape.packed_width(), query);
  PackColumns(query, padded, head_dim, scratch.value_columns.Get(elements / 2));
  scratch.key_gradient.Zeroed(elements);
  scratch.value_gradient.Zeroed(elements);
  packed_gradient += span.begin * tensors.shape.packed_width();
  for (int64_t i = 0; i < pass.group(); ++i) {
    const int64_t head = kv_head * pass.group() + i;
    const int64_t offset = span.begin * pass.mixed_width() + head * head_dim;
    TakeRotated(pass, head * head_dim, pass.scale(), query);
    PackRows(query, padded, head_dim, scratch.query_rows.Get(elements / 2));
    Take(pass, mixed_gradient + offset, pass.mixed_width(), gradient);
    PackRows(gradient, padded, head_dim, scratch.gradient_rows.Get(elements / 2));
    PrepareSums(pass, log_sums + head * tensors.rows + span.begin, scratch);
    Deltas(pass, mixed_gradient + offset, mixed + offset, scratch.deltas.Get(0));
    AttendHeadGradient(pass, head, scratch, packed_gradient);
  }
  StoreKeyValueGradients(pass, scratch, packed_gradient);
}

#else

void Bf16Attend(const AttentionTensors&, RowSpan, int64_t, uint16_t*, float*) { std::abort(); }
void Bf16AttendGradient(const AttentionTensors&, RowSpan, int64_t, const uint16_t*, const float*,
                        const uint16_t*, uint16_t*) {
  std::abort();
}

#endif

}  // namespace elm
