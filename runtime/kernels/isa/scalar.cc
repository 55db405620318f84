// Plain C++: the reference, and what runs where nothing better is known.
#include "runtime/kernels/isa/table.h"

namespace elm {
namespace {

struct Scalar {
  static constexpr const char* kName = "scalar";
  static constexpr const char* kDescription = "plain C++";
  static constexpr bool kBf16Products = false;
  static constexpr bool kTokenPairs = false;
  static constexpr bool kShortSums = false;
  static constexpr size_t kBlockRows = 1;
  static constexpr size_t kBlockTokens = 1;
  static constexpr size_t kQueriesTogether = 1;

  struct Codes {
    int8_t code[4 * kLanes];
  };
  struct Sums {
    int32_t sum[kLanes];
  };
  struct Four {
    int8_t input[4];
  };

  static constexpr int32_t kCodeOffset(WeightType) { return 0; }

  static ELM_INLINE void Fill(int32_t value, Sums& sums) {
    for (int32_t& sum : sums.sum) sum = value;
  }
  static ELM_INLINE void LoadCodes(const std::byte* bytes, Codes& codes) {
    for (size_t i = 0; i < 4 * kLanes; ++i) {
      codes.code[i] = static_cast<int8_t>(static_cast<int>(bytes[i]) - ZeroPoint(WeightType::kQ8));
    }
  }
  static ELM_INLINE void LoadNibbles(const std::byte* bytes, Codes& even, Codes& odd) {
    constexpr int kZero = ZeroPoint(WeightType::kQ4);
    for (size_t i = 0; i < 4 * kLanes; ++i) {
      even.code[i] = static_cast<int8_t>((static_cast<int>(bytes[i]) & 0xf) - kZero);
      odd.code[i] = static_cast<int8_t>((static_cast<int>(bytes[i]) >> 4) - kZero);
    }
  }
  static ELM_INLINE void LoadFour(const uint32_t* cell, Four& four) {
    std::memcpy(four.input, cell, sizeof four.input);
  }
  static ELM_INLINE void Dot(const Codes& codes, const Four& four, Sums& sums) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      for (size_t i = 0; i < 4; ++i) sums.sum[lane] += codes.code[4 * lane + i] * four.input[i];
    }
  }
  static ELM_INLINE void ToFloats(const Sums& sums, Lanes& lanes) {
    LaneInts ints;
    Load(sums.sum, ints);
    lanes = Converted<float>(ints);
  }
  static ELM_INLINE void StoreBytes(const LaneInts& ints, void* bytes) {
    Store(Converted<int8_t>(ints), bytes);
  }
  static ELM_INLINE void WidenF16(const uint16_t* halves, Lanes& lanes) {
    WidenF16Portably(halves, lanes);
  }
  static ELM_INLINE void NarrowToF16(const Lanes& lanes, uint16_t* halves) {
    NarrowToF16Portably(lanes, halves);
  }
};

}  // namespace

const KernelTable kScalarKernels = MakeKernelTable<Scalar>();

}  // namespace elm
