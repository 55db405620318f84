// AVX-512 with VNNI and BF16: Zen 4, Sapphire Rapids and later.
#include <immintrin.h>

#include "runtime/kernels/isa/table.h"

namespace elm {
namespace {

struct Avx512 {
  static constexpr const char* kName = "avx512";
  static constexpr const char* kDescription = "AVX-512 with VNNI and BF16";
  static constexpr bool kBf16Products = true;
  // 16 sums, four vectors of weights, two of inputs. Twelve tokens would fit too, but GCC then
  // spills and nothing is gained.
  static constexpr bool kTokenPairs = false;
  static constexpr bool kShortSums = false;
  static constexpr size_t kBlockRows = 2;
  static constexpr size_t kBlockTokens = 8;
  static constexpr size_t kQueriesTogether = 8;

  using Codes = __m512i;
  using Sums = __m512i;
  using Four = __m512i;
  using Pairs = __m512bh;

  // The weights are the unsigned factor: their zero point comes off with the sum of the inputs.
  static constexpr int32_t kCodeOffset(WeightType type) { return ZeroPoint(type); }

  static ELM_INLINE void Fill(int32_t value, Sums& sums) { sums = _mm512_set1_epi32(value); }
  static ELM_INLINE void LoadCodes(const std::byte* bytes, Codes& codes) {
    codes = _mm512_loadu_si512(bytes);
  }
  static ELM_INLINE void LoadNibbles(const std::byte* bytes, Codes& even, Codes& odd) {
    const __m512i mask = _mm512_set1_epi8(0x0f);
    const __m512i both = _mm512_loadu_si512(bytes);
    even = _mm512_and_si512(both, mask);
    odd = _mm512_and_si512(_mm512_srli_epi16(both, 4), mask);
  }
  static ELM_INLINE void LoadFour(const uint32_t* cell, Four& four) {
    four = _mm512_set1_epi32(static_cast<int32_t>(*cell));
  }
  static ELM_INLINE void Dot(const Codes& codes, const Four& four, Sums& sums) {
    sums = _mm512_dpbusd_epi32(sums, codes, four);
  }
  static ELM_INLINE void ToFloats(const Sums& sums, Lanes& lanes) {
    lanes.part[0] = _mm512_cvtepi32_ps(sums);
  }
  static ELM_INLINE void StoreBytes(const LaneInts& ints, void* bytes) {
    _mm_storeu_si128(static_cast<__m128i*>(bytes), _mm512_cvtepi32_epi8((__m512i)ints.part[0]));
  }
  static ELM_INLINE void WidenF16(const uint16_t* halves, Lanes& lanes) {
    lanes.part[0] = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves)));
  }
  static ELM_INLINE void NarrowToF16(const Lanes& lanes, uint16_t* halves) {
    const __m256i narrow = _mm512_cvtps_ph(lanes.part[0], _MM_FROUND_TO_NEAREST_INT);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(halves), narrow);
  }
  static ELM_INLINE void LoadPairs(const std::byte* bytes, Pairs& pairs) {
    pairs = (__m512bh)_mm512_loadu_si512(bytes);
  }
  static ELM_INLINE void DotPairs(const Pairs& pairs, uint32_t cell, Lanes& sums) {
    const __m512i inputs = _mm512_set1_epi32(static_cast<int32_t>(cell));
    sums.part[0] = _mm512_dpbf16_ps(sums.part[0], pairs, (__m512bh)inputs);
  }
};

}  // namespace

const KernelTable kAvx512Kernels = MakeKernelTable<Avx512>();

}  // namespace elm
