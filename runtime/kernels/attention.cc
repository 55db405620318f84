#include "runtime/kernels/attention.h"

#include <algorithm>
#include <cmath>

#include "runtime/kernels/lanes.h"

namespace elm {
namespace {

ELM_INLINE float Dot(const float* a, const float* b, size_t size) {
  Lanes sums = {};
  size_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    Lanes left, right;
    LoadLanes(a + i, left);
    LoadLanes(b + i, right);
    sums += left * right;
  }
  float total = 0;
  for (size_t lane = 0; lane < kLanes; ++lane) total += sums[lane];
  for (; i < size; ++i) total += a[i] * b[i];
  return total;
}

// Divides nothing: returns the sum of the exponentials, so that the caller scales the output once.
float ExponentiateInPlace(float* scores, size_t count) {
  const float highest = *std::max_element(scores, scores + count);
  float sum = 0;
  for (size_t i = 0; i < count; ++i) {
    scores[i] = std::exp(scores[i] - highest);
    sum += scores[i];
  }
  return sum;
}

ELM_MULTIVERSION void Scores(const float* query, const float* keys, size_t stride, size_t positions,
                             size_t head_dim, float* scores) {
  const float scale = 1.0F / std::sqrt(static_cast<float>(head_dim));
  for (size_t p = 0; p < positions; ++p) {
    scores[p] = scale * Dot(query, keys + p * stride, head_dim);
  }
}

ELM_MULTIVERSION void WeightedSum(const float* weights, const float* values, size_t stride,
                                  size_t positions, size_t head_dim, float* output) {
  std::fill_n(output, head_dim, 0.0F);
  for (size_t p = 0; p < positions; ++p) {
    const float* value = values + p * stride;
    for (size_t i = 0; i < head_dim; ++i) output[i] += weights[p] * value[i];
  }
}

}  // namespace

void AttendOneHead(const float* query, const float* keys, const float* values, size_t stride,
                   size_t positions, size_t head_dim, float* scores, float* output) {
  Scores(query, keys, stride, positions, head_dim, scores);
  const float sum = ExponentiateInPlace(scores, positions);
  WeightedSum(scores, values, stride, positions, head_dim, output);
  for (size_t i = 0; i < head_dim; ++i) output[i] /= sum;
}

}  // namespace elm
