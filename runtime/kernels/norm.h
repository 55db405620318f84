// RMSNorm.
#pragma once

#include <cstddef>

namespace elm {

// outputs[i] = weights[i] * inputs[i] / sqrt(mean(inputs^2) + epsilon) over `width` floats (Zhang
// and Sennrich 2019). The mean is taken in double, so that it does not depend on the vector width.
void RmsNorm(const float* inputs, const float* weights, size_t width, float epsilon,
             float* outputs);

}  // namespace elm
