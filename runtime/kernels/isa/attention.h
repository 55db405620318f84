// Softmax attention over the cache of one KV head, for any instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/kernels/isa/lanes.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/kv_layout.h"

namespace elm {

template <typename Isa>
void StoreKv(const float* key, const float* value, size_t head_dim, size_t position, uint16_t* keys,
             uint16_t* values) {
  uint16_t* block = keys + position / kKeyBlock * kKeyBlock * head_dim + position % kKeyBlock;
  for (size_t i = 0; i < head_dim; i += kLanes) {
    const size_t some = head_dim - i < kLanes ? head_dim - i : kLanes;
    Lanes lanes;
    uint16_t halves[kLanes];
    LoadSomeLanes(key + i, some, lanes);
    Isa::NarrowToF16(lanes, halves);
    for (size_t d = 0; d < some; ++d) block[(i + d) * kKeyBlock] = halves[d];
    LoadSomeLanes(value + i, some, lanes);
    Isa::NarrowToF16(lanes, halves);
    std::memcpy(values + position * head_dim + i, halves, some * sizeof(uint16_t));
  }
}

// scores[t, p] = query[t] . key[p] for the first `blocks` blocks of keys.
template <typename Isa, size_t kTokens>
ELM_INLINE void ScoreBlocks(const AttentionTask& task, size_t token, size_t blocks, float scale,
                            size_t row) {
  const float* queries = task.queries + token * task.query_stride;
  for (size_t block = 0; block < blocks; ++block) {
    const uint16_t* keys = task.keys + block * kKeyBlock * task.head_dim;
    Lanes sums[kTokens] = {};
    for (size_t i = 0; i < task.head_dim; ++i) {
      Lanes key;
      Isa::WidenF16(keys + i * kKeyBlock, key);
      Unrolled<kTokens>(
          [&](auto t) ELM_INLINE_LAMBDA { sums[t] += key * queries[t * task.query_stride + i]; });
    }
    Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
      StoreLanes(sums[t] * scale, task.scores + t * row + block * kKeyBlock);
    });
  }
}

// Exponentials of the first `count` scores, zeros up to the block's end; returns their sum.
ELM_INLINE float ExponentiateRow(float* scores, size_t count) {
  const size_t padded = (count + kKeyBlock - 1) / kKeyBlock * kKeyBlock;
  constexpr float kNever = -3.0e38F;
  for (size_t i = count; i < padded; ++i) scores[i] = kNever;
  Lanes largest = Lanes{} + kNever;
  for (size_t i = 0; i < padded; i += kLanes) {
    Lanes values;
    LoadLanes(scores + i, values);
    largest = values > largest ? values : largest;
  }
  const float highest = LargestOf(largest);
  Lanes sums = {};
  for (size_t i = 0; i < padded; i += kLanes) {
    Lanes values;
    LoadLanes(scores + i, values);
    const Lanes below = values - highest;
    Lanes powers = below;
    ExpLanes(powers);
    powers = below < -80.0F ? Lanes{} : powers;
    sums += powers;
    StoreLanes(powers, scores + i);
  }
  return SumOf(sums);
}

// outputs[t] = weights[t] . values / sums[t], over `positions` positions, kWide lanes of the head's
// dimensions at a time.
template <typename Isa, size_t kTokens, size_t kWide>
ELM_INLINE void MixValues(const AttentionTask& task, size_t token, size_t first_dim,
                          size_t positions, size_t row, const float* inverse_sums) {
  Lanes mixed[kTokens][kWide] = {};
  for (size_t p = 0; p < positions; ++p) {
    Lanes value[kWide];
    Unrolled<kWide>([&](auto w) ELM_INLINE_LAMBDA {
      Isa::WidenF16(task.values + p * task.head_dim + first_dim + w * kLanes, value[w]);
    });
    Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
      const float weight = task.scores[t * row + p];
      Unrolled<kWide>([&](auto w) ELM_INLINE_LAMBDA { mixed[t][w] += value[w] * weight; });
    });
  }
  Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
    float* output = task.outputs + (token + t) * task.output_stride + first_dim;
    Unrolled<kWide>([&](auto w) ELM_INLINE_LAMBDA {
      StoreLanes(mixed[t][w] * inverse_sums[t], output + w * kLanes);
    });
  });
}

template <typename Isa, size_t kTokens>
ELM_INLINE void AttendTokens(const AttentionTask& task, size_t token) {
  const size_t positions = task.start + token + kTokens;  // of the last token
  const size_t blocks = (positions + kKeyBlock - 1) / kKeyBlock;
  const size_t row = blocks * kKeyBlock;
  const auto scale = static_cast<float>(1.0 / __builtin_sqrt(static_cast<double>(task.head_dim)));
  ScoreBlocks<Isa, kTokens>(task, token, blocks, scale, row);
  float inverse_sums[kTokens];
  Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
    const size_t seen = task.start + token + t + 1;
    float* scores = task.scores + t * row;
    inverse_sums[t] = 1.0F / ExponentiateRow(scores, seen);
    const size_t padded = (seen + kKeyBlock - 1) / kKeyBlock * kKeyBlock;
    for (size_t p = padded; p < positions; ++p) scores[p] = 0;
  });
  size_t dim = 0;
  for (; dim + 2 * kLanes <= task.head_dim; dim += 2 * kLanes) {
    MixValues<Isa, kTokens, 2>(task, token, dim, positions, row, inverse_sums);
  }
  for (; dim + kLanes <= task.head_dim; dim += kLanes) {
    MixValues<Isa, kTokens, 1>(task, token, dim, positions, row, inverse_sums);
  }
  for (; dim < task.head_dim; ++dim) {  // small heads
    Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
      float sum = 0;
      for (size_t p = 0; p < positions; ++p) {
        Lanes value;
        uint16_t halves[kLanes] = {task.values[p * task.head_dim + dim]};
        Isa::WidenF16(halves, value);
        sum += value[0] * task.scores[t * row + p];
      }
      task.outputs[(token + t) * task.output_stride + dim] = sum * inverse_sums[t];
    });
  }
}

template <typename Isa>
void Attend(const AttentionTask& task) {
  size_t done = 0;
  for (; task.tokens - done >= kAttentionTokens; done += kAttentionTokens) {
    AttendTokens<Isa, kAttentionTokens>(task, done);
  }
  for (; done < task.tokens; ++done) AttendTokens<Isa, 1>(task, done);
}

}  // namespace elm
