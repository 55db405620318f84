#include "runtime/kernels/norm.h"

#include <cmath>

namespace elm {

void RmsNorm(const float* inputs, const float* weights, size_t width, float epsilon,
             float* outputs) {
  double squares = 0;
  for (size_t i = 0; i < width; ++i) squares += static_cast<double>(inputs[i]) * inputs[i];
  const double mean = squares / static_cast<double>(width);
  const auto scale = static_cast<float>(1.0 / std::sqrt(mean + epsilon));
  for (size_t i = 0; i < width; ++i) outputs[i] = weights[i] * (inputs[i] * scale);
}

}  // namespace elm
