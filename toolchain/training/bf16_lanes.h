// Sixteen float32 values side by side, read from and written to bfloat16, on processors that
// multiply bfloat16 themselves (AVX-512 BF16). Included by the fused kernels only.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#define ELM_BF16_LANES 1

#include <immintrin.h>

#include <cstdint>

// Functions that use these instructions; callers ask HasBf16Kernels() first.
#define ELM_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#define ELM_BF16_INLINE \
  inline __attribute__((always_inline, target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

namespace elm {

inline constexpr int64_t kBf16Lanes = 16;

ELM_BF16_INLINE __m512 LoadBf16(const uint16_t* source) {
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

// Rounds to nearest, ties to even.
ELM_BF16_INLINE __m256i ToBf16(__m512 values) {
  return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values));
}

ELM_BF16_INLINE void StoreBf16(__m512 values, uint16_t* target) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(target), ToBf16(values));
}

// Word i of the result holds `low`[i] in its lower and `high`[i] in its upper half: the pairs that
// _mm512_dpbf16_ps multiplies.
ELM_BF16_INLINE __m512i InterleavePairs(__m256i low, __m256i high) {
  return _mm512_or_si512(_mm512_cvtepu16_epi32(low),
                         _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16));
}

// e^x for x <= 88 with a relative error below 4e-6; below -87 it stays at e^-87.
ELM_BF16_INLINE __m512 Exp(__m512 x) {
  const __m512 power =
      _mm512_mul_ps(_mm512_max_ps(x, _mm512_set1_ps(-87.0F)), _mm512_set1_ps(1.44269504F));
  const __m512 whole = _mm512_roundscale_ps(power, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 rest = _mm512_sub_ps(power, whole);  // in [-0.5, 0.5]
  __m512 sum = _mm512_set1_ps(1.33335581e-3F);      // 2^rest as its Taylor series
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(9.61812911e-3F));
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(5.55041087e-2F));
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(2.40226507e-1F));
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(6.93147181e-1F));
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(1.0F));
  return _mm512_scalef_ps(sum, whole);
}

// 1 / (1 + e^-x).
ELM_BF16_INLINE __m512 Sigmoid(__m512 x) {
  const __m512 one = _mm512_set1_ps(1.0F);
  const __m512 inverse =
      Exp(_mm512_min_ps(_mm512_sub_ps(_mm512_setzero_ps(), x), _mm512_set1_ps(80.0F)));
  return _mm512_div_ps(one, _mm512_add_ps(one, inverse));
}

}  // namespace elm

#endif
