// The loops of AdamW over plain arrays.
#pragma once

#include <cstdint>

namespace elm {

struct AdamWUpdate {
  float learning_rate;
  float decay;  // 1 - learning rate * weight decay
  float beta1, beta2;
  float correction1;  // 1 / (1 - beta1^t)
  float correction2;  // 1 / (1 - beta2^t)
  float epsilon;
  float scale;  // of the gradients, from clipping
};

struct AdamWArrays {
  float* weights;
  const float* gradients;
  float* first;
  float* second;
};

void UpdateWeights(const AdamWUpdate& update, const AdamWArrays& arrays, int64_t count);

// sums += values, which are bfloat16.
void AddBf16(const uint16_t* values, float* sums, int64_t count);

float SquareSum(const float* values, int64_t count);

}  // namespace elm
