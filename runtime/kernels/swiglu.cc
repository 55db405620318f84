#include "runtime/kernels/swiglu.h"

#include <cmath>

namespace elm {

void SwiGlu(float* gate, const float* up, size_t count) {
  for (size_t i = 0; i < count; ++i) gate[i] = gate[i] / (1.0F + std::exp(-gate[i])) * up[i];
}

}  // namespace elm
