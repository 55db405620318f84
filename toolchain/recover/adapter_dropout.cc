#include "toolchain/recover/adapter_dropout.h"

#include <ATen/Parallel.h>

#include <cmath>

namespace elm {
namespace {

// Rows that one thread takes at a time.
constexpr int64_t kRows = 32;
constexpr uint64_t kGolden = 0x9E3779B97F4A7C15U;

// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
uint64_t Mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

// Four decisions from every 64 bits: 16 of them are enough for a rate.
template <typename T>
void FillRow(uint64_t key, uint16_t threshold, T one, T* row, int64_t columns) {
  uint64_t state = key;
  int64_t column = 0;
  while (column < columns) {
    state += kGolden;
    uint64_t bits = Mix(state);
    const int64_t end = std::min(columns, column + 4);
    for (; column < end; ++column, bits >>= 16) {
      row[column] = static_cast<uint16_t>(bits) < threshold ? T{0} : one;
    }
  }
}

template <typename T>
void Fill(const AdapterDropout& dropout, T one, T* values, int64_t rows, int64_t columns) {
  const auto threshold = static_cast<uint16_t>(std::lround(dropout.rate * 65536));
  at::parallel_for(0, rows, kRows, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      FillRow(dropout.Of(static_cast<uint64_t>(row)).key, threshold, one, values + row * columns,
              columns);
    }
  });
}

}  // namespace

AdapterDropout AdapterDropout::Of(uint64_t part) const {
  return {rate, Mix(key ^ Mix(part + kGolden))};
}

torch::Tensor DropoutMask(const AdapterDropout& dropout, int64_t rows, int64_t columns,
                          const torch::TensorOptions& options) {
  torch::Tensor mask = torch::empty({rows, columns}, options.device(torch::kCPU));
  if (mask.scalar_type() == torch::kBFloat16) {
    constexpr uint16_t kOne = 0x3F80;  // 1.0 in bfloat16
    Fill<uint16_t>(dropout, kOne, static_cast<uint16_t*>(mask.data_ptr()), rows, columns);
  } else {
    Fill<float>(dropout, 1.0F, mask.data_ptr<float>(), rows, columns);
  }
  return mask.to(options.device());
}

}  // namespace elm
