// What happens to activations between products, for any instruction set.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "runtime/kernels/isa/lanes.h"

namespace elm {

// Up to sixteen inputs of a row; zeros behind its end.
ELM_INLINE void LoadInputs(const float* row, size_t columns, size_t first, Lanes& values) {
  if (first + kLanes <= columns) {
    Load(row + first, values);
  } else {
    LoadSome(row + first, first < columns ? columns - first : 0, values);
  }
}

template <typename Isa>
void PackFloats(const float* row, size_t columns, size_t cells, size_t width, uint32_t* target) {
  for (size_t i = 0; i < cells; ++i) {
    target[i * width] = std::bit_cast<uint32_t>(i < columns ? row[i] : 0.0F);
  }
}

template <typename Isa>
void PackBf16(const float* row, size_t columns, size_t cells, size_t width, uint32_t* target) {
  for (size_t first = 0; first < cells; first += kLanes / 2) {
    Lanes values;
    LoadInputs(row, columns, 2 * first, values);
    uint16_t halves[kLanes];
    NarrowToBf16(values, halves);
    uint32_t pairs[kLanes / 2];
    std::memcpy(pairs, halves, sizeof pairs);
    const size_t count = cells - first < kLanes / 2 ? cells - first : kLanes / 2;
    for (size_t i = 0; i < count; ++i) target[(first + i) * width] = pairs[i];
  }
}

// visit(i, sixteen inputs from i on) for the inputs [first, end) of a row, zeros from `columns` on.
template <typename Visit>
ELM_INLINE void ForEachSixteen(const float* row, size_t columns, size_t first, size_t end,
                               const Visit& visit) {
  size_t i = first;
  const size_t whole = columns < end ? columns : end;
  for (; i + kLanes <= whole; i += kLanes) {
    Lanes values;
    Load(row + i, values);
    visit(i, values);
  }
  for (; i < end; i += kLanes) {
    Lanes values;
    LoadInputs(row, whole, i, values);
    visit(i, values);
  }
}

template <typename Isa>
void Quantise(const float* row, size_t columns, size_t group, size_t groups, size_t width,
              uint32_t* target, float* scales, int32_t* sums) {
  for (size_t g = 0; g < groups; ++g) {
    const size_t first = g * group;
    const size_t end = first + group;
    Lanes largest = {};
    ForEachSixteen(row, columns, first, end, [&](size_t, const Lanes& values) ELM_INLINE_LAMBDA {
      largest = Larger(AsBitsOf<float>(AsBitsOf<uint32_t>(values) & 0x7fffffffU), largest);
    });
    const float extreme = LargestOf(largest);
    const float inverse = extreme > 0 ? 127.0F / extreme : 0.0F;
    LaneInts total = {};
    ForEachSixteen(row, columns, first, end, [&](size_t i, const Lanes& values) ELM_INLINE_LAMBDA {
      const LaneInts rounded = Rounded(values * inverse);
      total += rounded;
      uint32_t cells[kLanes / 4];
      Isa::StoreBytes(rounded, cells);
      const size_t count = end - i < kLanes ? (end - i) / 4 : kLanes / 4;
      for (size_t c = 0; c < count; ++c) target[(i / 4 + c) * width] = cells[c];
    });
    int32_t sum = 0;
    for (size_t lane = 0; lane < kLanes; ++lane) sum += total[lane];
    sums[g * width] = sum;
    scales[g * width] = extreme / 127.0F;
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
    Load(inputs + i, values);
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
      Load(gate + i, gates);
      Load(up + i, ups);
    } else {
      LoadSome(gate + i, some, gates);
      LoadSome(up + i, some, ups);
    }
    const Lanes result = gates / (Exp(gates * -1.0F) + 1.0F) * ups;
    if (some == kLanes) {
      Store(result, gate + i);
    } else {
      StoreSome(result, some, gate + i);
    }
  }
}

// change(i, lanes) on every sixteen numbers of a row, in place; the last ones may be fewer, with
// zeros behind them.
template <typename Change>
ELM_INLINE void ChangeRow(float* row, size_t count, const Change& change) {
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Lanes lanes;
    Load(row + i, lanes);
    change(i, lanes);
    Store(lanes, row + i);
  }
  if (i == count) return;
  Lanes lanes;
  LoadSome(row + i, count - i, lanes);
  change(i, lanes);
  StoreSome(lanes, count - i, row + i);
}

template <typename Isa>
void AddReluRow(float* row, const float* bias, size_t count) {
  ChangeRow(row, count, [&](size_t i, Lanes& lanes) ELM_INLINE_LAMBDA {
    Lanes biases;
    LoadInputs(bias, count, i, biases);
    lanes = Larger(lanes + biases, Lanes{});
  });
}

template <typename Isa>
void NoNormRow(float* row, const float* bias, const float* scale, const float* shift,
               size_t width) {
  ChangeRow(row, width, [&](size_t i, Lanes& lanes) ELM_INLINE_LAMBDA {
    Lanes biases, scales, shifts;
    LoadInputs(bias, width, i, biases);
    LoadInputs(scale, width, i, scales);
    LoadInputs(shift, width, i, shifts);
    lanes = (lanes + biases) * scales + shifts;
  });
}

template <typename Isa>
void LayerNormRow(float* row, const float* bias, const float* scale, const float* shift,
                  size_t width, float epsilon) {
  double sum = 0;
  for (size_t i = 0; i < width; ++i) {
    row[i] += bias[i];
    sum += static_cast<double>(row[i]);
  }
  const double mean = sum / static_cast<double>(width);
  double squares = 0;
  for (size_t i = 0; i < width; ++i) {
    const double distance = static_cast<double>(row[i]) - mean;
    squares += distance * distance;
  }
  const double variance = squares / static_cast<double>(width);
  const auto inverse =
      static_cast<float>(1.0 / __builtin_sqrt(variance + static_cast<double>(epsilon)));
  const auto center = static_cast<float>(mean);
  ChangeRow(row, width, [&](size_t i, Lanes& lanes) ELM_INLINE_LAMBDA {
    Lanes scales, shifts;
    LoadInputs(scale, width, i, scales);
    LoadInputs(shift, width, i, shifts);
    lanes = (lanes - Spread(center)) * inverse * scales + shifts;
  });
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
