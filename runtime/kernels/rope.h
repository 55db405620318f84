// Rotary position embedding (Su et al. 2021) in half-split order: dimension i of a head is rotated
// together with dimension i + head_dim / 2, as Hugging Face's Llama stores its weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace elm {

// theta^(-2 i / head_dim) for i < head_dim / 2: radians per position.
std::vector<double> RopeFrequencies(size_t head_dim, float theta);

// cosines[i], sines[i] of position * frequencies[i].
void RopeAngles(const std::vector<double>& frequencies, uint32_t position, float* cosines,
                float* sines);

}  // namespace elm
