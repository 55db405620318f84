// Matrix products, for any instruction set.
//
// `Isa` says how sixteen outputs are multiplied with a few inputs at a time:
//
//   Codes                   64 bytes: four neighbouring inputs of sixteen outputs
//   Sums                    sixteen 32-bit sums
//   Four                    four inputs of one token, ready to be multiplied with Codes
//   LoadCodes, LoadNibbles  what a q8 or q4 tile stores -> Codes
//   kCodeOffset(type)       what is still added to every code after loading
//   Dot(sums, codes, four)  sums += codes . four
//
// and how many outputs and tokens a block holds so that its sums stay in registers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/kernels/isa/lanes.h"
#include "runtime/kernels/kernels.h"

namespace elm {

// Where the tiles of some neighbouring tile rows begin, and how far apart those of one row lie.
struct TileRun {
  const std::byte* first;
  size_t row_bytes;  // between two tile rows
};

// The part of a product that is worked on at a time: all of a panel's tiles of `kRows` tile rows.
struct PanelPart {
  TileRun run;
  size_t first_input;
  size_t tiles;  // side by side
};

template <typename Isa, WeightType kType, size_t kRows, size_t kTokens>
struct QuantisedBlock {
  // outputs[t, 0:16 kRows] += the panel's inputs, group by group.
  static ELM_INLINE void Add(const Product& product, const PanelPart& part, size_t token,
                             float* outputs, size_t stride) {
    const Inputs& inputs = *product.inputs;
    const size_t group = product.matrix->tile_columns;
    const size_t tile_bytes = product.matrix->tile_bytes;
    const int8_t* codes = inputs.codes + token * inputs.stride + part.first_input;
    const size_t first_group = token * inputs.groups + part.first_input / group;
    for (size_t tile = 0; tile < part.tiles; ++tile) {
      const std::byte* bytes = part.run.first + tile * tile_bytes;
      typename Isa::Sums sums[kRows][kTokens];
      for (size_t t = 0; t < kTokens; ++t) {
        const int32_t sum = inputs.sums[first_group + tile + t * inputs.groups];
        for (size_t r = 0; r < kRows; ++r) {
          Isa::Fill(-Isa::kCodeOffset(kType) * sum, sums[r][t]);
        }
      }
      AddCodes(bytes, part.run.row_bytes, group, codes + tile * group, inputs.stride, sums);
      const std::byte* scale_bytes = bytes + tile_bytes - kLanes * sizeof(uint16_t);
      for (size_t r = 0; r < kRows; ++r) {
        Lanes scales;
        Isa::WidenF16(reinterpret_cast<const uint16_t*>(scale_bytes + r * part.run.row_bytes),
                      scales);
        for (size_t t = 0; t < kTokens; ++t) {
          const float scale = inputs.scales[first_group + tile + t * inputs.groups];
          Lanes values, total;
          Isa::ToFloats(sums[r][t], values);
          float* target = outputs + t * stride + r * kLanes;
          LoadLanes(target, total);
          total += values * scales * scale;
          StoreLanes(total, target);
        }
      }
    }
  }

  static ELM_INLINE void AddCodes(const std::byte* bytes, size_t row_bytes, size_t group,
                                  const int8_t* inputs, size_t stride,
                                  typename Isa::Sums (&sums)[kRows][kTokens]) {
    constexpr size_t kRun = 4 * kLanes;  // bytes of Codes
    for (size_t k = 0; k < group; k += 8) {
      typename Isa::Codes even[kRows], odd[kRows];
      for (size_t r = 0; r < kRows; ++r) {
        if constexpr (kType == WeightType::kQ8) {
          Isa::LoadCodes(bytes + r * row_bytes + k / 4 * kRun, even[r]);
          Isa::LoadCodes(bytes + r * row_bytes + (k / 4 + 1) * kRun, odd[r]);
        } else {
          Isa::LoadNibbles(bytes + r * row_bytes + k / 8 * kRun, even[r], odd[r]);
        }
      }
      for (size_t t = 0; t < kTokens; ++t) {
        typename Isa::Four four;
        Isa::LoadFour(inputs + t * stride + k, four);
        for (size_t r = 0; r < kRows; ++r) Isa::Dot(even[r], four, sums[r][t]);
        Isa::LoadFour(inputs + t * stride + k + 4, four);
        for (size_t r = 0; r < kRows; ++r) Isa::Dot(odd[r], four, sums[r][t]);
      }
    }
  }
};

// Float weights times float inputs: one input of sixteen outputs at a time.
template <typename Isa, WeightType kType, size_t kRows, size_t kTokens>
struct FloatBlock {
  static ELM_INLINE void Add(const Product& product, const PanelPart& part, size_t token,
                             float* outputs, size_t stride) {
    constexpr size_t kElement = ElementBits(kType) / 8;
    const InputRows& rows = product.inputs->floats;
    const float* inputs = rows.data + token * rows.stride + part.first_input;
    const size_t end = product.kept_inputs - part.first_input;
    const size_t stored = part.tiles * product.matrix->tile_columns;
    const size_t count = end < stored ? end : stored;
    Lanes sums[kRows][kTokens] = {};
    for (size_t k = 0; k < count; ++k) {
      for (size_t r = 0; r < kRows; ++r) {
        const std::byte* at = part.run.first + r * part.run.row_bytes + k * kLanes * kElement;
        Lanes weights;
        if constexpr (kType == WeightType::kF32) {
          LoadLanes(reinterpret_cast<const float*>(at), weights);
        } else {
          Isa::WidenF16(reinterpret_cast<const uint16_t*>(at), weights);
        }
        for (size_t t = 0; t < kTokens; ++t) sums[r][t] += weights * inputs[t * rows.stride + k];
      }
    }
    AddTo(sums, outputs, stride);
  }

  static ELM_INLINE void AddTo(const Lanes (&sums)[kRows][kTokens], float* outputs, size_t stride) {
    for (size_t t = 0; t < kTokens; ++t) {
      for (size_t r = 0; r < kRows; ++r) {
        Lanes total;
        LoadLanes(outputs + t * stride + r * kLanes, total);
        total += sums[r][t];
        StoreLanes(total, outputs + t * stride + r * kLanes);
      }
    }
  }
};

// bf16 weights, two neighbouring inputs of an output together.
template <typename Isa, size_t kRows, size_t kTokens>
struct Bf16Block {
  static ELM_INLINE void Add(const Product& product, const PanelPart& part, size_t token,
                             float* outputs, size_t stride) {
    const size_t end = product.kept_inputs - part.first_input;
    const size_t stored = part.tiles * product.matrix->tile_columns;
    const size_t count = end < stored ? end : stored;
    Lanes sums[kRows][kTokens] = {};
    if constexpr (Isa::kBf16Products) {
      const Inputs& inputs = *product.inputs;
      const uint16_t* halves = inputs.halves + token * inputs.stride + part.first_input;
      for (size_t k = 0; k < count; k += 2) {
        typename Isa::Pairs weights[kRows];
        for (size_t r = 0; r < kRows; ++r) {
          Isa::LoadPairs(part.run.first + r * part.run.row_bytes + k * kLanes * 2, weights[r]);
        }
        for (size_t t = 0; t < kTokens; ++t) {
          for (size_t r = 0; r < kRows; ++r) {
            Isa::DotPairs(weights[r], halves + t * inputs.stride + k, sums[r][t]);
          }
        }
      }
    } else {
      const InputRows& rows = product.inputs->floats;
      const float* inputs = rows.data + token * rows.stride + part.first_input;
      for (size_t k = 0; k < count; k += 2) {
        const bool paired = k + 1 < count;
        for (size_t r = 0; r < kRows; ++r) {
          LaneBits pairs;
          std::memcpy(&pairs, part.run.first + r * part.run.row_bytes + k * kLanes * 2,
                      sizeof pairs);
          const Lanes first = (Lanes)(pairs << 16);
          const Lanes second = (Lanes)(pairs & 0xffff0000U);
          for (size_t t = 0; t < kTokens; ++t) {
            const float* at = inputs + t * rows.stride + k;
            sums[r][t] += first * at[0];
            if (paired) sums[r][t] += second * at[1];
          }
        }
      }
    }
    FloatBlock<Isa, WeightType::kF32, kRows, kTokens>::AddTo(sums, outputs, stride);
  }
};

template <typename Isa, WeightType kType, size_t kRows, size_t kTokens>
ELM_INLINE void AddBlock(const Product& product, const PanelPart& part, size_t token,
                         float* outputs, size_t stride) {
  if constexpr (IsQuantised(kType)) {
    QuantisedBlock<Isa, kType, kRows, kTokens>::Add(product, part, token, outputs, stride);
  } else if constexpr (kType == WeightType::kBf16) {
    Bf16Block<Isa, kRows, kTokens>::Add(product, part, token, outputs, stride);
  } else {
    FloatBlock<Isa, kType, kRows, kTokens>::Add(product, part, token, outputs, stride);
  }
}

// A block of tokens over a panel. Where the last tile row is not kept whole, its results go through
// a buffer, so that nothing behind the kept outputs is written.
template <typename Isa, WeightType kType, size_t kRows, size_t kTokens>
void AddPanel(const Product& product, const PanelPart& part, size_t tile_row, size_t token) {
  const OutputRows& rows = product.outputs;
  float* outputs = rows.data + token * rows.stride + tile_row * kLanes;
  const size_t live = product.kept_outputs - tile_row * kLanes;
  if (live >= kRows * kLanes) {
    return AddBlock<Isa, kType, kRows, kTokens>(product, part, token, outputs, rows.stride);
  }
  float buffer[kTokens * kRows * kLanes];
  for (size_t t = 0; t < kTokens; ++t) {
    for (size_t i = 0; i < kRows * kLanes; ++i) {
      buffer[t * kRows * kLanes + i] = i < live ? outputs[t * rows.stride + i] : 0.0F;
    }
  }
  AddBlock<Isa, kType, kRows, kTokens>(product, part, token, buffer, kRows * kLanes);
  for (size_t t = 0; t < kTokens; ++t) {
    for (size_t i = 0; i < live; ++i) {
      outputs[t * rows.stride + i] = buffer[t * kRows * kLanes + i];
    }
  }
}

// As many blocks of kTokens tokens as there are behind the first `done`.
template <typename Isa, WeightType kType, size_t kRows, size_t kTokens>
ELM_INLINE void AddTokens(const Product& product, const PanelPart& part, size_t tile_row,
                          size_t& done) {
  while (product.inputs->tokens - done >= kTokens) {
    AddPanel<Isa, kType, kRows, kTokens>(product, part, tile_row, done);
    done += kTokens;
  }
}

template <typename Isa, WeightType kType, size_t kRows>
ELM_INLINE void AddAllTokens(const Product& product, const PanelPart& part, size_t tile_row) {
  size_t done = 0;
  AddTokens<Isa, kType, kRows, Isa::kBlockTokens>(product, part, tile_row, done);
  if constexpr (Isa::kBlockTokens > 4) {
    AddTokens<Isa, kType, kRows, 4>(product, part, tile_row, done);
  }
  if constexpr (Isa::kBlockTokens > 2) {
    AddTokens<Isa, kType, kRows, 2>(product, part, tile_row, done);
  }
  AddTokens<Isa, kType, kRows, 1>(product, part, tile_row, done);
}

template <typename Isa, WeightType kType>
void MultiplyAs(const Product& product) {
  const Matrix& matrix = *product.matrix;
  const size_t across = matrix.panel_columns / matrix.tile_columns;
  if (!product.accumulate) {
    const size_t begin = product.first_tile_row * kLanes;
    const size_t end = product.end_tile_row * kLanes;
    const size_t live = (end < product.kept_outputs ? end : product.kept_outputs) - begin;
    for (size_t t = 0; t < product.inputs->tokens; ++t) {
      float* row = product.outputs.data + t * product.outputs.stride + begin;
      for (size_t i = 0; i < live; ++i) row[i] = 0;
    }
  }
  for (size_t first = 0; first < product.kept_inputs; first += matrix.panel_columns) {
    const size_t left = matrix.stored_columns - first;
    const size_t stored_tiles = left < matrix.panel_columns ? left / matrix.tile_columns : across;
    const size_t kept = product.kept_inputs - first;
    const size_t kept_tiles = (kept + matrix.tile_columns - 1) / matrix.tile_columns;
    PanelPart part;
    part.first_input = first;
    part.tiles = kept_tiles < stored_tiles ? kept_tiles : stored_tiles;
    part.run.row_bytes = stored_tiles * matrix.tile_bytes;
    const std::byte* panel =
        matrix.tiles + first / matrix.tile_columns * matrix.tile_rows() * matrix.tile_bytes;
    size_t row = product.first_tile_row;
    for (; row + Isa::kBlockRows <= product.end_tile_row; row += Isa::kBlockRows) {
      part.run.first = panel + row * part.run.row_bytes;
      AddAllTokens<Isa, kType, Isa::kBlockRows>(product, part, row);
    }
    for (; row < product.end_tile_row; ++row) {
      part.run.first = panel + row * part.run.row_bytes;
      AddAllTokens<Isa, kType, 1>(product, part, row);
    }
  }
}

template <typename Isa>
void Multiply(const Product& product) {
  switch (product.matrix->type) {
    case WeightType::kF32:
      return MultiplyAs<Isa, WeightType::kF32>(product);
    case WeightType::kF16:
      return MultiplyAs<Isa, WeightType::kF16>(product);
    case WeightType::kBf16:
      return MultiplyAs<Isa, WeightType::kBf16>(product);
    case WeightType::kQ8:
      return MultiplyAs<Isa, WeightType::kQ8>(product);
    case WeightType::kQ4:
      return MultiplyAs<Isa, WeightType::kQ4>(product);
  }
}

}  // namespace elm
