#include "toolchain/pretrain/adamw_kernels.h"

#include "toolchain/pretrain/multiversion.h"

namespace elm {
namespace {

ELM_INLINE void UpdateOne(const AdamWUpdate& update, float& weight, float gradient, float& first,
                          float& second) {
  const float scaled = gradient * update.scale;
  first = update.beta1 * first + (1.0F - update.beta1) * scaled;
  second = update.beta2 * second + (1.0F - update.beta2) * scaled * scaled;
  const float direction =
      first * update.correction1 / (__builtin_sqrtf(second * update.correction2) + update.epsilon);
  weight = weight * update.decay - update.learning_rate * direction;
}

// The compiler makes vectors of these loops, for each instruction set.
ELM_MULTIVERSION void UpdateAll(const AdamWUpdate& update, const AdamWArrays& arrays,
                                int64_t count) {
  const AdamWUpdate constants = update;
  float* __restrict weights = arrays.weights;
  const float* __restrict gradients = arrays.gradients;
  float* __restrict first = arrays.first;
  float* __restrict second = arrays.second;
  for (int64_t i = 0; i < count; ++i) {
    UpdateOne(constants, weights[i], gradients[i], first[i], second[i]);
  }
}

ELM_MULTIVERSION void AddAll(const uint16_t* __restrict values, float* __restrict sums,
                             int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t bits = static_cast<uint32_t>(values[i]) << 16;
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    sums[i] += value;
  }
}

ELM_MULTIVERSION float SquareSumOf(const float* values, int64_t count) {
  constexpr int64_t kSums = 16;
  float sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (int64_t lane = 0; lane < kSums; ++lane) sums[lane] += values[i + lane] * values[i + lane];
  }
  for (; i < count; ++i) sums[0] += values[i] * values[i];
  float total = 0;
  for (const float sum : sums) total += sum;
  return total;
}

}  // namespace

void UpdateWeights(const AdamWUpdate& update, const AdamWArrays& arrays, int64_t count) {
  UpdateAll(update, arrays, count);
}
void AddBf16(const uint16_t* values, float* sums, int64_t count) { AddAll(values, sums, count); }
float SquareSum(const float* values, int64_t count) { return SquareSumOf(values, count); }

}  // namespace elm
