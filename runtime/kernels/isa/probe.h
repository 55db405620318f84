// How fast this instruction set multiplies and reads when nothing holds it up: what a benchmark
// compares products with.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/kernels/isa/lanes.h"
#include "runtime/kernels/isa/product.h"
#include "runtime/kernels/kernels.h"

namespace elm {

// Makes the compiler believe that `value` is looked at and changed, so that a loop keeps its work.
// Only `value`: nothing else has to leave its register.
template <typename T>
ELM_INLINE void Forget(T& value) {
  asm volatile("" : "+m"(value));
}

// The ways in which products multiply (isa/product.h). `kChains` sums are worked on at a
// time, as many as a product's block has; each Add() multiplies and adds `kProducts` times.
template <typename Isa>
struct IntegerProbe {
  static constexpr size_t kChains = Isa::kBlockRows * Isa::kBlockTokens;
  static constexpr size_t kProducts = 4 * kLanes;
  using Weights = typename Isa::Codes;
  using Sums = typename Isa::Sums;

  static ELM_INLINE void Clear(Sums& sums) { Isa::Fill(0, sums); }
  static ELM_INLINE void Load(const std::byte* bytes, Weights& weights) {
    Isa::LoadCodes(bytes, weights);
  }
  static ELM_INLINE void Add(const Weights& weights, const uint32_t* cell, Sums& sums) {
    typename Isa::Four four;
    Isa::LoadFour(cell, four);
    Isa::Dot(weights, four, sums);
  }
};

// As above, with sums of 16 bits in between.
template <typename Isa>
struct ShortSumProbe {
  static constexpr size_t kChains = Isa::kBlockRows * Isa::kBlockTokens;
  static constexpr size_t kProducts = 8 * kLanes;
  static constexpr size_t kFlush = kShortInputs / 8;
  struct Weights {
    typename Isa::Codes even, odd;
  };
  struct Sums {
    typename Isa::Shorts shorts;
    typename Isa::Sums sums;
  };

  static ELM_INLINE void Clear(Sums& sums) {
    Isa::ClearShorts(sums.shorts);
    Isa::Fill(0, sums.sums);
  }
  static ELM_INLINE void Load(const std::byte* bytes, Weights& weights) {
    Isa::LoadNibbles(bytes, weights.even, weights.odd);
  }
  static ELM_INLINE void Add(const Weights& weights, const uint32_t* cell, Sums& sums) {
    typename Isa::Four first, second;
    Isa::LoadFour(cell, first);
    Isa::LoadFour(cell + 1, second);
    Isa::DotShorts(weights.even, weights.odd, first, second, sums.shorts);
  }
  static ELM_INLINE void Flush(Sums& sums) {
    Isa::AddShorts(sums.shorts, sums.sums);
    Isa::ClearShorts(sums.shorts);
  }
};

// Where an instruction multiplies with two tokens at a time, the weights take eight registers.
template <typename Isa>
struct TokenPairProbe {
  static constexpr size_t kChains = 2;
  static constexpr size_t kProducts = kLanes * 8 * 2;
  using Weights = typename Isa::PairCodes;
  using Sums = typename Isa::PairSums;

  static ELM_INLINE void Clear(Sums& sums) { Isa::ZeroPairs(sums); }
  static ELM_INLINE void Load(const std::byte* bytes, Weights& weights) {
    std::memcpy(&weights, bytes, sizeof weights);
  }
  static ELM_INLINE void Add(const Weights& weights, const uint32_t* cells, Sums& sums) {
    typename Isa::PairFours fours;
    std::memcpy(&fours, cells, sizeof fours);
    Isa::DotPairs2x2(weights, fours, sums);
  }
};

template <typename Isa>
struct Bf16Probe {
  static constexpr size_t kChains = Isa::kBlockRows * Isa::kBlockTokens;
  static constexpr size_t kProducts = 2 * kLanes;
  using Weights = typename Isa::Pairs;
  using Sums = Lanes;

  static ELM_INLINE void Clear(Sums& sums) { sums = Lanes{}; }
  static ELM_INLINE void Load(const std::byte* bytes, Weights& weights) {
    Isa::LoadPairs(bytes, weights);
  }
  static ELM_INLINE void Add(const Weights& weights, const uint32_t* cell, Sums& sums) {
    Isa::DotPairs(weights, *cell, sums);
  }
};

template <typename Isa>
struct FloatProbe {
  static constexpr size_t kChains = Isa::kBlockRows * Isa::kBlockTokens;
  static constexpr size_t kProducts = kLanes;
  using Weights = Lanes;
  using Sums = Lanes;

  static ELM_INLINE void Clear(Sums& sums) { sums = Lanes{}; }
  static ELM_INLINE void Load(const std::byte* bytes, Weights& weights) {
    elm::Load(bytes, weights);
  }
  static ELM_INLINE void Add(const Weights& weights, const uint32_t* cell, Sums& sums) {
    sums += weights * std::bit_cast<float>(*cell);
  }
};

// `kCount` sums as members, not as an array: each stays in a register of its own. Each has an
// input cell of its own, so that no product serves two of them.
template <typename Probe, size_t kCount>
struct ProbeChains {
  typename Probe::Sums sums;
  ProbeChains<Probe, kCount - 1> others;

  ELM_INLINE void Clear() {
    Probe::Clear(sums);
    others.Clear();
  }
  ELM_INLINE void Add(const typename Probe::Weights& weights, const uint32_t* cells) {
    Probe::Add(weights, cells, sums);
    others.Add(weights, cells + 1);
  }
  ELM_INLINE void Flush() {
    Probe::Flush(sums);
    others.Flush();
  }
  ELM_INLINE void Finish() {
    typename Probe::Sums result = sums;  // so that only this copy lies in memory
    Forget(result);
    others.Finish();
  }
};
template <typename Probe>
struct ProbeChains<Probe, 0> {
  ELM_INLINE void Clear() {}
  ELM_INLINE void Add(const typename Probe::Weights&, const uint32_t*) {}
  ELM_INLINE void Flush() {}
  ELM_INLINE void Finish() {}
};

// Returns the multiplications and additions done. The sums stay in registers, the few operands in
// the nearest cache.
template <typename Probe>
double MultiplyRounds(size_t rounds) {
  struct {
    alignas(64) std::byte weights[sizeof(typename Probe::Weights)];
    alignas(64) uint32_t cells[Probe::kChains + 3];  // a pair of tokens reads four
  } operands;
  // 63 as a byte, 0.75 as a float or bf16: no overflow in kMostProbeRounds.
  std::memset(&operands, 0x3f, sizeof operands);
  ProbeChains<Probe, Probe::kChains> chains;
  chains.Clear();
  for (size_t round = 0; round < rounds; ++round) {
    Forget(operands);
    typename Probe::Weights weights;
    Probe::Load(operands.weights, weights);
    chains.Add(weights, operands.cells);
    if constexpr (requires { Probe::kFlush; }) {
      if (round % Probe::kFlush == Probe::kFlush - 1) chains.Flush();
    }
  }
  chains.Finish();
  return 2.0 * static_cast<double>(rounds * Probe::kChains * Probe::kProducts);
}

template <typename Isa>
double ProbeProducts(WeightType type, size_t rounds) {
  if (IsQuantised(type)) {
    if constexpr (Isa::kTokenPairs) {
      return MultiplyRounds<TokenPairProbe<Isa>>(rounds);
    } else if constexpr (Isa::kShortSums) {
      if (type == WeightType::kQ4) return MultiplyRounds<ShortSumProbe<Isa>>(rounds);
      return MultiplyRounds<IntegerProbe<Isa>>(rounds);
    } else {
      return MultiplyRounds<IntegerProbe<Isa>>(rounds);
    }
  }
  if constexpr (Isa::kBf16Products) {
    if (type == WeightType::kBf16) return MultiplyRounds<Bf16Probe<Isa>>(rounds);
  }
  return MultiplyRounds<FloatProbe<Isa>>(rounds);
}

// Several streams side by side, as the hardware reads ahead in each. Less than a vector of each at
// the end is left out.
template <typename Isa>
void ProbeRead(const std::byte* bytes, size_t count) {
  using Words = LaneBits::Part;
  constexpr size_t kStreams = 4;
  const size_t stream = count / kStreams / sizeof(Words) * sizeof(Words);
  Words sums[kStreams] = {};
  for (size_t at = 0; at < stream; at += sizeof(Words)) {
    for (size_t s = 0; s < kStreams; ++s) {
      Words words;
      std::memcpy(&words, bytes + s * stream + at, sizeof words);
      sums[s] += words;
    }
  }
  for (size_t s = 0; s < kStreams; ++s) {
    Words sum = sums[s];
    Forget(sum);
  }
}

}  // namespace elm
