// What happens to activations between products, for any instruction set.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "runtime/kernels/isa/lanes.h"

namespace elm {

template <typename Isa>
void Quantise(const float* row, size_t columns, size_t padded, size_t group, int8_t* codes,
              float* scales, int32_t* sums) {
  for (size_t first = 0, g = 0; first < padded; first += group, ++g) {
    const size_t left = first < columns ? columns - first : 0;
    const size_t count = left < group ? left : group;
    Lanes largest = {};
    for (size_t i = 0; i < count; i += kLanes) {
      Lanes values;
      const size_t some = count - i;
      if (some >= kLanes) {
        LoadLanes(row + first + i, values);
      } else {
        LoadSomeLanes(row + first + i, some, values);
      }
      const Lanes magnitude = (Lanes)((LaneBits)values & 0x7fffffffU);
      largest = magnitude > largest ? magnitude : largest;
    }
    const float extreme = LargestOf(largest);
    const float inverse = extreme > 0 ? 127.0F / extreme : 0.0F;
    LaneInts total = {};
    for (size_t i = 0; i < group; i += kLanes) {
      Lanes values = {};
      if (i + kLanes <= count) {
        LoadLanes(row + first + i, values);
      } else if (i < count) {
        LoadSomeLanes(row + first + i, count - i, values);
      }
      LaneInts rounded;
      RoundLanes(values * inverse, rounded);
      total += rounded;
      const LaneBytes bytes = __builtin_convertvector(rounded, LaneBytes);
      const size_t some = group - i < kLanes ? group - i : kLanes;
      std::memcpy(codes + first + i, &bytes, some);
    }
    int32_t sum = 0;
    for (size_t lane = 0; lane < kLanes; ++lane) sum += total[lane];
    sums[g] = sum;
    scales[g] = extreme / 127.0F;
  }
}

template <typename Isa>
void ToBf16(const float* row, size_t columns, size_t padded, uint16_t* halves) {
  for (size_t i = 0; i < padded; i += kLanes) {
    Lanes values = {};
    if (i + kLanes <= columns) {
      LoadLanes(row + i, values);
    } else if (i < columns) {
      LoadSomeLanes(row + i, columns - i, values);
    }
    uint16_t narrow[kLanes];
    NarrowToBf16(values, narrow);
    const size_t some = padded - i < kLanes ? padded - i : kLanes;
    std::memcpy(halves + i, narrow, some * sizeof(uint16_t));
  }
}

template <typename Isa>
void RmsNormRow(const float* inputs, const float* weights, size_t width, float epsilon,
                float* outputs) {
  // Sixteen sums of squares in float are as exact as one in double for the widths that occur.
  Lanes squares = {};
  size_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    Lanes values;
    LoadLanes(inputs + i, values);
    squares += values * values;
  }
  double sum = 0;
  for (size_t lane = 0; lane < kLanes; ++lane) sum += static_cast<double>(squares[lane]);
  for (; i < width; ++i) sum += static_cast<double>(inputs[i]) * static_cast<double>(inputs[i]);
  const double mean = sum / static_cast<double>(width);
  const auto scale = static_cast<float>(1.0 / __builtin_sqrt(mean + static_cast<double>(epsilon)));
  for (i = 0; i < width; ++i) outputs[i] = weights[i] * (inputs[i] * scale);
}

template <typename Isa>
void SwiGluRow(float* gate, const float* up, size_t count) {
  for (size_t i = 0; i < count; i += kLanes) {
    const size_t some = count - i < kLanes ? count - i : kLanes;
    Lanes gates, ups;
    if (some == kLanes) {
      LoadLanes(gate + i, gates);
      LoadLanes(up + i, ups);
    } else {
      LoadSomeLanes(gate + i, some, gates);
      LoadSomeLanes(up + i, some, ups);
    }
    Lanes exponential = -gates;
    ExpLanes(exponential);
    const Lanes result = gates / (1.0F + exponential) * ups;
    if (some == kLanes) {
      StoreLanes(result, gate + i);
    } else {
      StoreSomeLanes(result, some, gate + i);
    }
  }
}

template <typename Isa>
void RotateHead(const float* cosines, const float* sines, size_t head_dim, float* head) {
  const size_t half = head_dim / 2;
  float* second_half = head + half;
  for (size_t i = 0; i < half; ++i) {
    const float first = head[i];
    const float second = second_half[i];
    head[i] = first * cosines[i] - second * sines[i];
    second_half[i] = second * cosines[i] + first * sines[i];
  }
}

}  // namespace elm
