// The gated activation of the MLP.
#pragma once

#include <cstddef>

namespace elm {

// gate[i] = silu(gate[i]) * up[i] with silu(x) = x / (1 + exp(-x)) (Shazeer 2020), over `count`
// neurons.
void SwiGlu(float* gate, const float* up, size_t count);

}  // namespace elm
