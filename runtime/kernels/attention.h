// Softmax attention of one query head over the positions so far.
#pragma once

#include <cstddef>

namespace elm {

// output[head_dim] = sum over p of softmax_p(query . keys[p] / sqrt(head_dim)) * values[p], where
// row p of keys and values starts p * stride floats in. `positions` >= 1; `scores` is scratch for
// as many floats.
void AttendOneHead(const float* query, const float* keys, const float* values, size_t stride,
                   size_t positions, size_t head_dim, float* scores, float* output);

}  // namespace elm
