#include "runtime/kernels/rope.h"

#include <cmath>

namespace elm {

std::vector<double> RopeFrequencies(size_t head_dim, float theta) {
  std::vector<double> frequencies(head_dim / 2);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(head_dim);
    frequencies[i] = std::pow(static_cast<double>(theta), exponent);
  }
  return frequencies;
}

void RopeAngles(const std::vector<double>& frequencies, uint32_t position, float* cosines,
                float* sines) {
  for (size_t i = 0; i < frequencies.size(); ++i) {
    cosines[i] = static_cast<float>(std::cos(position * frequencies[i]));
    sines[i] = static_cast<float>(std::sin(position * frequencies[i]));
  }
}

}  // namespace elm
