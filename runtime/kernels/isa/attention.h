// Softmax attention over the cache of one KV head, for any instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "runtime/kernels/isa/lanes.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/kv_layout.h"

namespace elm {

// Sixteen elements of a cache as floats, without their scales.
template <typename Isa, typename Element>
ELM_INLINE void LoadCached(const Element* source, Lanes& lanes) {
  if constexpr (std::is_same_v<Element, float>) {
    Load(source, lanes);
  } else if constexpr (std::is_same_v<Element, int8_t>) {
    LaneBytes codes;
    Load(source, codes);
    lanes = Converted<float>(Converted<int32_t>(codes));
  } else {
    Isa::WidenF16(source, lanes);
  }
}
template <typename Isa, typename Element>
ELM_INLINE void RoundForCache(const Lanes& lanes, Element* target) {
  if constexpr (std::is_same_v<Element, float>) {
    Store(lanes, target);
  } else if constexpr (std::is_same_v<Element, int8_t>) {
    Isa::StoreBytes(Rounded(lanes), target);
  } else {
    Isa::NarrowToF16(lanes, target);
  }
}

// Where one position's key lies: its elements kKeyBlock apart.
template <typename Element>
struct KeyPlace {
  Element* elements;
  float* scales;  // of integers: the key's; the value's lies kKeyBlock behind

  ELM_INLINE KeyPlace(void* keys, size_t head_dim, size_t position) {
    auto* block =
        static_cast<std::byte*>(keys) + position / kKeyBlock * KeyBlockBytesOf<Element>(head_dim);
    elements = reinterpret_cast<Element*>(block) + position % kKeyBlock;
    scales = reinterpret_cast<float*>(block + kKeyBlock * head_dim * sizeof(Element)) +
             position % kKeyBlock;
  }
};

// Calls store(i, elements, count) for every sixteen elements of `row` in the cache's type, divided
// by the scale that it returns.
template <typename Isa, typename Element, typename StoreSixteen>
ELM_INLINE float RoundRow(const float* row, size_t head_dim, const StoreSixteen& store) {
  float scale = 1.0F;
  float inverse = 1.0F;
  if constexpr (std::is_same_v<Element, int8_t>) {
    float largest = 0;
    for (size_t i = 0; i < head_dim; ++i) {
      const float magnitude = __builtin_fabsf(row[i]);
      largest = magnitude > largest ? magnitude : largest;
    }
    scale = largest / 127.0F;
    inverse = largest > 0 ? 127.0F / largest : 0.0F;
  }
  for (size_t i = 0; i < head_dim; i += kLanes) {
    const size_t some = head_dim - i < kLanes ? head_dim - i : kLanes;
    Lanes lanes;
    Element elements[kLanes];
    LoadSome(row + i, some, lanes);
    RoundForCache<Isa>(lanes * inverse, elements);
    store(i, elements, some);
  }
  return scale;
}

template <typename Isa, typename Element>
void StoreKv(const float* key, const float* value, size_t head_dim, size_t position, void* keys,
             void* values) {
  const KeyPlace<Element> place(keys, head_dim, position);
  auto* row = static_cast<Element*>(values) + position * head_dim;
  const float key_scale =
      RoundRow<Isa, Element>(key, head_dim, [&](size_t i, const Element* elements, size_t count) {
        for (size_t d = 0; d < count; ++d) place.elements[(i + d) * kKeyBlock] = elements[d];
      });
  const float value_scale =
      RoundRow<Isa, Element>(value, head_dim, [&](size_t i, const Element* elements, size_t count) {
        std::memcpy(row + i, elements, count * sizeof(Element));
      });
  if constexpr (std::is_same_v<Element, int8_t>) {
    place.scales[0] = key_scale;
    place.scales[kKeyBlock] = value_scale;
  }
}

// scores[t, p] = query[t] . key[p] for the first `blocks` blocks of keys.
template <typename Isa, typename Element, size_t kTokens>
ELM_INLINE void ScoreBlocks(const AttentionTask& task, size_t token, size_t blocks, float scale,
                            size_t row) {
  const float* queries = task.queries + token * task.query_stride;
  for (size_t block = 0; block < blocks; ++block) {
    const auto* bytes =
        static_cast<const std::byte*>(task.keys) + block * KeyBlockBytesOf<Element>(task.head_dim);
    const auto* keys = reinterpret_cast<const Element*>(bytes);
    Lanes sums[kTokens] = {};
    for (size_t i = 0; i < task.head_dim; ++i) {
      Lanes key;
      LoadCached<Isa>(keys + i * kKeyBlock, key);
      Unrolled<kTokens>(
          [&](auto t) ELM_INLINE_LAMBDA { sums[t] += key * queries[t * task.query_stride + i]; });
    }
    Lanes scales = Spread(scale);
    if constexpr (std::is_same_v<Element, int8_t>) {
      Load(keys + kKeyBlock * task.head_dim, scales);
      scales = scales * scale;
    }
    Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
      Store(sums[t] * scales, task.scores + t * row + block * kKeyBlock);
    });
  }
}

// Exponentials of the first `count` scores, zeros up to the block's end; returns their sum.
template <typename Isa>
float ExponentiateRow(float* scores, size_t count) {
  const size_t padded = (count + kKeyBlock - 1) / kKeyBlock * kKeyBlock;
  constexpr float kNever = -3.0e38F;
  for (size_t i = count; i < padded; ++i) scores[i] = kNever;
  Lanes largest = Spread(kNever);
  for (size_t i = 0; i < padded; i += kLanes) {
    Lanes values;
    Load(scores + i, values);
    largest = Larger(values, largest);
  }
  const float highest = LargestOf(largest);
  Lanes sums = {};
  for (size_t i = 0; i < padded; i += kLanes) {
    Lanes values;
    Load(scores + i, values);
    const Lanes below = values - highest;
    const Lanes powers = WhereBelow(below, -80.0F, Lanes{}, Exp(below));
    sums += powers;
    Store(powers, scores + i);
  }
  return SumOf(sums);
}

// scores[t, p] *= the scale of value p, so that values can be mixed as the integers that they are.
template <size_t kTokens>
ELM_INLINE void ApplyValueScales(const AttentionTask& task, size_t positions, size_t row) {
  const size_t block_bytes = KeyBlockBytesOf<int8_t>(task.head_dim);
  const auto* scales =
      static_cast<const std::byte*>(task.keys) + block_bytes - kKeyBlock * sizeof(float);
  for (size_t first = 0; first < positions; first += kKeyBlock, scales += block_bytes) {
    Lanes value_scales;
    Load(scales, value_scales);
    Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
      Lanes scores;
      Load(task.scores + t * row + first, scores);
      Store(scores * value_scales, task.scores + t * row + first);
    });
  }
}

// outputs[t] = weights[t] . values / sums[t], over `positions` positions, kWide lanes of the head's
// dimensions at a time.
template <typename Isa, typename Element, size_t kTokens, size_t kWide>
ELM_INLINE void MixValues(const AttentionTask& task, size_t token, size_t first_dim,
                          size_t positions, size_t row, const float* inverse_sums) {
  const auto* values = static_cast<const Element*>(task.values);
  Lanes mixed[kTokens][kWide] = {};
  for (size_t p = 0; p < positions; ++p) {
    Lanes value[kWide];
    Unrolled<kWide>([&](auto w) ELM_INLINE_LAMBDA {
      LoadCached<Isa>(values + p * task.head_dim + first_dim + w * kLanes, value[w]);
    });
    Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
      const float weight = task.scores[t * row + p];
      Unrolled<kWide>([&](auto w) ELM_INLINE_LAMBDA { mixed[t][w] += value[w] * weight; });
    });
  }
  Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
    float* output = task.outputs + (token + t) * task.output_stride + first_dim;
    Unrolled<kWide>([&](auto w) ELM_INLINE_LAMBDA {
      Store(mixed[t][w] * inverse_sums[t], output + w * kLanes);
    });
  });
}

// The same for the dimensions behind the last sixteen: small heads, and some odd ones.
template <typename Isa, typename Element>
void MixLastValues(const AttentionTask& task, size_t token, size_t tokens, size_t first_dim,
                   size_t positions, size_t row, const float* inverse_sums) {
  for (size_t dim = first_dim; dim < task.head_dim; ++dim) {
    for (size_t t = 0; t < tokens; ++t) {
      float sum = 0;
      for (size_t p = 0; p < positions; ++p) {
        Lanes value;
        const Element elements[kLanes] = {
            static_cast<const Element*>(task.values)[p * task.head_dim + dim]};
        LoadCached<Isa>(elements, value);
        sum += value[0] * task.scores[t * row + p];
      }
      task.outputs[(token + t) * task.output_stride + dim] = sum * inverse_sums[t];
    }
  }
}

template <typename Isa, typename Element, size_t kTokens>
ELM_INLINE void AttendTokens(const AttentionTask& task, size_t token) {
  const bool all = task.all_see > 0;
  const size_t positions = all ? task.all_see : task.start + token + kTokens;  // of the last token
  const size_t blocks = (positions + kKeyBlock - 1) / kKeyBlock;
  const size_t row = blocks * kKeyBlock;
  const auto scale = static_cast<float>(1.0 / __builtin_sqrt(static_cast<double>(task.head_dim)));
  ScoreBlocks<Isa, Element, kTokens>(task, token, blocks, scale, row);
  float inverse_sums[kTokens];
  for (size_t t = 0; t < kTokens; ++t) {
    const size_t seen = all ? task.all_see : task.start + token + t + 1;
    float* scores = task.scores + t * row;
    inverse_sums[t] = 1.0F / ExponentiateRow<Isa>(scores, seen);
    const size_t padded = (seen + kKeyBlock - 1) / kKeyBlock * kKeyBlock;
    for (size_t p = padded; p < positions; ++p) scores[p] = 0;
  }
  if constexpr (std::is_same_v<Element, int8_t>) ApplyValueScales<kTokens>(task, positions, row);
  size_t dim = 0;
  // Where the sums of twice as many dimensions fit the registers beside what they are made of.
  if constexpr (kTokens * 2 * kParts <= kRegisters / 2) {
    for (; dim + 2 * kLanes <= task.head_dim; dim += 2 * kLanes) {
      MixValues<Isa, Element, kTokens, 2>(task, token, dim, positions, row, inverse_sums);
    }
  }
  for (; dim + kLanes <= task.head_dim; dim += kLanes) {
    MixValues<Isa, Element, kTokens, 1>(task, token, dim, positions, row, inverse_sums);
  }
  if (dim < task.head_dim) {
    MixLastValues<Isa, Element>(task, token, kTokens, dim, positions, row, inverse_sums);
  }
}

template <typename Isa, typename Element>
void Attend(const AttentionTask& task) {
  // Each way through keys and values serves as many queries as there are registers for. Eight or
  // nine that are left go in two fours rather than in a six and what it leaves.
  constexpr size_t kTogether = Isa::kQueriesTogether;
  constexpr size_t kFew = 4;
  constexpr bool kTwoFours = kTogether > kFew && kTogether < 2 * kFew;
  static_assert(kTogether <= kAttentionTokens);
  size_t done = 0;
  while (task.tokens - done >= kTogether) {
    if (kTwoFours && (task.tokens - done) / 2 == kFew) break;
    AttendTokens<Isa, Element, kTogether>(task, done);
    done += kTogether;
  }
  if constexpr (kTogether > kFew) {
    for (; task.tokens - done >= kFew; done += kFew) {
      AttendTokens<Isa, Element, kFew>(task, done);
    }
  }
  if constexpr (kTogether > 1) {
    for (; done < task.tokens; ++done) AttendTokens<Isa, Element, 1>(task, done);
  }
}

}  // namespace elm
