// AVX2 with FMA and F16C: x86 since 2013.
#include <immintrin.h>

#include "runtime/kernels/isa/table.h"

namespace elm {
namespace {

struct Avx2 {
  static constexpr const char* kName = "avx2";
  static constexpr const char* kDescription = "AVX2 with FMA and F16C";
  static constexpr bool kBf16Products = false;
  static constexpr bool kTokenPairs = false;
  static constexpr bool kShortSums = true;
  static constexpr size_t kBlockRows = 1;
  static constexpr size_t kBlockTokens = 4;
  // Twelve sums, two vectors of keys or values, one query: fifteen of the sixteen registers.
  static constexpr size_t kQueriesTogether = 6;

  struct Codes {
    __m256i part[2];
  };
  struct Sums {
    __m256i part[2];
  };
  using Four = __m256i;
  struct Shorts {
    __m256i part[2];  // sixteen sums of 16 bits each, two of them for every output
  };

  // q4 codes are the unsigned factor: their zero point comes off with the sum of the inputs.
  static constexpr int32_t kCodeOffset(WeightType type) {
    return type == WeightType::kQ4 ? ZeroPoint(type) : 0;
  }

  // GCC would begin the products of all tokens together and then find no registers for the sums.
  static ELM_INLINE void OneAfterTheOther(__m256i& sums) { asm volatile("" : "+x"(sums)); }

  static ELM_INLINE void Fill(int32_t value, Sums& sums) {
    sums.part[0] = sums.part[1] = _mm256_set1_epi32(value);
  }
  static ELM_INLINE __m256i Load(const std::byte* bytes) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  }
  static ELM_INLINE void LoadCodes(const std::byte* bytes, Codes& codes) {
    const __m256i zero = _mm256_set1_epi8(static_cast<char>(ZeroPoint(WeightType::kQ8)));
    for (size_t i = 0; i < 2; ++i) codes.part[i] = _mm256_sub_epi8(Load(bytes + 32 * i), zero);
  }
  static ELM_INLINE void LoadNibbles(const std::byte* bytes, Codes& even, Codes& odd) {
    const __m256i mask = _mm256_set1_epi8(0x0f);
    for (size_t i = 0; i < 2; ++i) {
      const __m256i both = Load(bytes + 32 * i);
      even.part[i] = _mm256_and_si256(both, mask);
      odd.part[i] = _mm256_and_si256(_mm256_srli_epi16(both, 4), mask);
    }
  }
  static ELM_INLINE void LoadFour(const uint32_t* cell, Four& four) {
    four = _mm256_set1_epi32(static_cast<int32_t>(*cell));
  }
  // |codes| times the inputs with the codes' signs: pairs of products stay below 2^15.
  static ELM_INLINE void Dot(const Codes& codes, const Four& four, Sums& sums) {
    const __m256i ones = _mm256_set1_epi16(1);
    for (size_t i = 0; i < 2; ++i) {
      const __m256i magnitudes = _mm256_sign_epi8(codes.part[i], codes.part[i]);
      const __m256i inputs = _mm256_sign_epi8(four, codes.part[i]);
      const __m256i pairs = _mm256_maddubs_epi16(magnitudes, inputs);
      sums.part[i] = _mm256_add_epi32(sums.part[i], _mm256_madd_epi16(pairs, ones));
      OneAfterTheOther(sums.part[i]);
    }
  }
  static ELM_INLINE void ClearShorts(Shorts& shorts) {
    shorts.part[0] = shorts.part[1] = _mm256_setzero_si256();
  }
  static ELM_INLINE void DotShorts(const Codes& even, const Codes& odd, const Four& first,
                                   const Four& second, Shorts& shorts) {
    for (size_t i = 0; i < 2; ++i) {
      const __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(even.part[i], first),
                                             _mm256_maddubs_epi16(odd.part[i], second));
      shorts.part[i] = _mm256_add_epi16(shorts.part[i], pairs);
      OneAfterTheOther(shorts.part[i]);
    }
  }
  static ELM_INLINE void AddShorts(const Shorts& shorts, Sums& sums) {
    const __m256i ones = _mm256_set1_epi16(1);
    for (size_t i = 0; i < 2; ++i) {
      sums.part[i] = _mm256_add_epi32(sums.part[i], _mm256_madd_epi16(shorts.part[i], ones));
    }
  }
  static ELM_INLINE void ToFloats(const Sums& sums, Lanes& lanes) {
    for (size_t i = 0; i < 2; ++i) {
      lanes.part[i] = _mm256_cvtepi32_ps(sums.part[i]);
    }
  }
  static ELM_INLINE void StoreBytes(const LaneInts& ints, void* bytes) {
    // Packing goes by halves of a register: the fours come out as 0, 2, 1, 3.
    const __m256i pairs = _mm256_packs_epi32((__m256i)ints.part[0], (__m256i)ints.part[1]);
    const __m128i fours =
        _mm_packs_epi16(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    _mm_storeu_si128(static_cast<__m128i*>(bytes),
                     _mm_shuffle_epi32(fours, _MM_SHUFFLE(3, 1, 2, 0)));
  }
  static ELM_INLINE void WidenF16(const uint16_t* halves, Lanes& lanes) {
    for (size_t i = 0; i < 2; ++i) {
      lanes.part[i] =
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves + 8 * i)));
    }
  }
  static ELM_INLINE void NarrowToF16(const Lanes& lanes, uint16_t* halves) {
    for (size_t i = 0; i < 2; ++i) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(halves + 8 * i),
                       _mm256_cvtps_ph(lanes.part[i], _MM_FROUND_TO_NEAREST_INT));
    }
  }
};

}  // namespace

const KernelTable kAvx2Kernels = MakeKernelTable<Avx2>();

}  // namespace elm
