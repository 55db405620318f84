// Matrix products, for any instruction set.
//
// `Isa` says how sixteen outputs are multiplied with a few inputs at a time:
//
//   Codes                   64 bytes: four neighbouring inputs of sixteen outputs
//   Sums                    sixteen 32-bit sums
//   Four                    four inputs of one token, ready to be multiplied with Codes
//   LoadCodes, LoadNibbles  what a q8 or q4 tile stores -> Codes
//   StoreBytes(ints, bytes) sixteen whole numbers of -128 to 127 as bytes
//   kCodeOffset(type)       what is still added to every code after loading
//   Dot(codes, four, sums)  sums += codes . four
//   kTokenPairs             whether it multiplies eight inputs of two tokens at a time instead:
//                           PairCodes, PairFours, PairSums, ZeroPairs, JoinCodes, JoinFours,
//                           DotPairs2x2, AddPairs (i8mm.cc)
//   kShortSums              whether products of q4 codes are added in 16 bits for as long as they
//                           fit: Shorts, ClearShorts, DotShorts (eight inputs), AddShorts (avx2.cc)
//
// and how many outputs and tokens a block holds so that its sums stay in registers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/kernels/isa/lanes.h"
#include "runtime/kernels/kernels.h"

namespace elm {

// A block of a product: some tile rows, the panels [first_panel, end_panel), some tokens of one
// block of inputs.
struct BlockTask {
  const Product& product;
  size_t tile_row;
  size_t first_panel;
  size_t end_panel;
  size_t kept_tiles;      // along the inputs
  const uint32_t* cells;  // of the first token; the next token's lie behind; none for ReadsRows()
  const float* scales;
  const int32_t* sums;
  size_t width;       // tokens between a token's cells
  const float* rows;  // of the first token, for those that read them in place
  size_t row_stride;
};

// Calls visit(tile of the first tile row, bytes to the next tile row, number of the tile along the
// inputs) for every kept tile of a block, in stored order.
template <typename Visit>
ELM_INLINE void ForEachTile(const BlockTask& task, const Visit& visit) {
  const Matrix& matrix = *task.product.matrix;
  const size_t tile_bytes = matrix.tile_bytes;
  for (size_t panel = task.first_panel; panel < task.end_panel; ++panel) {
    const size_t first = panel * matrix.panel_tiles;
    const size_t left = matrix.tiles_across - first;
    const size_t stored = left < matrix.panel_tiles ? left : matrix.panel_tiles;
    const size_t kept = task.kept_tiles - first;
    const size_t end = first + (kept < stored ? kept : stored);
    const size_t row_bytes = stored * tile_bytes;
    const std::byte* tile =
        matrix.tiles + first * matrix.tile_rows() * tile_bytes + task.tile_row * row_bytes;
    for (size_t number = first; number < end; ++number) {
      visit(tile, row_bytes, number);
      tile += tile_bytes;
    }
  }
}

// Inputs whose products with q4 codes fit 16 bits together, when two sums share them:
// 16 * 15 * 127 < 2^15.
inline constexpr size_t kShortInputs = 32;

// totals[kTokens][kRows][kLanes] += the block. Quantised weights: integer sums over one group, then
// both scales.
template <typename Isa, WeightType kType, size_t kRows, size_t kTokens>
struct QuantisedBlock {
  using AllSums = typename Isa::Sums[kRows][kTokens];

  static ELM_INLINE void Add(const BlockTask& task, float* totals) {
    ForEachTile(task, [&](const std::byte* tile, size_t row_bytes, size_t number)
                          ELM_INLINE_LAMBDA { AddTile(task, tile, row_bytes, number, totals); });
  }

  static ELM_INLINE void AddTile(const BlockTask& task, const std::byte* tile, size_t row_bytes,
                                 size_t number, float* totals) {
    const size_t group = task.product.matrix->tile_columns;
    const size_t scale_offset = task.product.matrix->tile_bytes - kLanes * sizeof(uint16_t);
    const size_t width = task.width;
    const uint32_t* cells = task.cells + number * (group / 4) * width;
    const float* scales = task.scales + number * width;
    const int32_t* input_sums = task.sums + number * width;
    AllSums sums;
    Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
      Isa::Fill(-Isa::kCodeOffset(kType) * input_sums[t], sums[0][t]);
      Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA { sums[r][t] = sums[0][t]; });
    });
    AddCodes(tile, row_bytes, group, cells, width, sums);
    Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
      Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA { KeepInRegister(sums[r][t]); });
    });
    Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA {
      Lanes row_scales;
      Isa::WidenF16(reinterpret_cast<const uint16_t*>(tile + r * row_bytes + scale_offset),
                    row_scales);
      Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
        Lanes values, total;
        Isa::ToFloats(sums[r][t], values);
        Load(totals + (t * kRows + r) * kLanes, total);
        total += values * (row_scales * scales[t]);
        Store(total, totals + (t * kRows + r) * kLanes);
      });
    });
  }

  static constexpr size_t kRun = 4 * kLanes;  // bytes of Codes

  // Eight inputs of every tile row.
  static ELM_INLINE void LoadEight(const std::byte* tile, size_t row_bytes,
                                   typename Isa::Codes (&even)[kRows],
                                   typename Isa::Codes (&odd)[kRows]) {
    Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA {
      if constexpr (kType == WeightType::kQ8) {
        Isa::LoadCodes(tile + r * row_bytes, even[r]);
        Isa::LoadCodes(tile + r * row_bytes + kRun, odd[r]);
      } else {
        Isa::LoadNibbles(tile + r * row_bytes, even[r], odd[r]);
      }
    });
  }
  static constexpr size_t kEightBytes = kType == WeightType::kQ8 ? 2 * kRun : kRun;

  static ELM_INLINE void AddCodes(const std::byte* tile, size_t row_bytes, size_t group,
                                  const uint32_t* cells, size_t width, AllSums& sums) {
    if constexpr (Isa::kTokenPairs && kTokens % 2 == 0) {
      return AddCodesInPairs(tile, row_bytes, group, cells, width, sums);
    }
    if constexpr (Isa::kShortSums && kType == WeightType::kQ4) {
      return AddCodesInShorts(tile, row_bytes, group, cells, width, sums);
    }
    if constexpr (kType == WeightType::kQ8 && kTokens > 1) {
      return AddCodesByFours(tile, row_bytes, group, cells, width, sums);
    }
    for (size_t k = 0; k < group; k += 8) {
      typename Isa::Codes even[kRows], odd[kRows];
      LoadEight(tile, row_bytes, even, odd);
      Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
        typename Isa::Four four;
        Isa::LoadFour(cells + t, four);
        Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA { Isa::Dot(even[r], four, sums[r][t]); });
        Isa::LoadFour(cells + width + t, four);
        Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA { Isa::Dot(odd[r], four, sums[r][t]); });
      });
      tile += kEightBytes;
      cells += 2 * width;
    }
  }

  // With the codes of eight inputs at hand, not all sums find a register.
  static ELM_INLINE void AddCodesByFours(const std::byte* tile, size_t row_bytes, size_t group,
                                         const uint32_t* cells, size_t width, AllSums& sums) {
    for (size_t k = 0; k < group; k += 4) {
      typename Isa::Codes codes[kRows];
      Unrolled<kRows>([&](auto r)
                          ELM_INLINE_LAMBDA { Isa::LoadCodes(tile + r * row_bytes, codes[r]); });
      Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
        typename Isa::Four four;
        Isa::LoadFour(cells + t, four);
        Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA { Isa::Dot(codes[r], four, sums[r][t]); });
      });
      tile += kRun;
      cells += width;
    }
  }

  static ELM_INLINE void AddCodesInShorts(const std::byte* tile, size_t row_bytes, size_t group,
                                          const uint32_t* cells, size_t width, AllSums& sums) {
    for (size_t k = 0; k < group;) {
      typename Isa::Shorts shorts[kRows][kTokens];
      Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA {
        Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA { Isa::ClearShorts(shorts[r][t]); });
      });
      const size_t end = k + kShortInputs < group ? k + kShortInputs : group;
      for (; k < end; k += 8) {
        typename Isa::Codes even[kRows], odd[kRows];
        LoadEight(tile, row_bytes, even, odd);
        Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
          typename Isa::Four first, second;
          Isa::LoadFour(cells + t, first);
          Isa::LoadFour(cells + width + t, second);
          Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA {
            Isa::DotShorts(even[r], odd[r], first, second, shorts[r][t]);
          });
        });
        tile += kEightBytes;
        cells += 2 * width;
      }
      Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
        Unrolled<kRows>([&](auto r)
                            ELM_INLINE_LAMBDA { Isa::AddShorts(shorts[r][t], sums[r][t]); });
      });
    }
  }

  static ELM_INLINE void AddCodesInPairs(const std::byte* tile, size_t row_bytes, size_t group,
                                         const uint32_t* cells, size_t width, AllSums& sums) {
    typename Isa::PairSums pairs[kRows][kTokens / 2];
    Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA {
      Unrolled<kTokens / 2>([&](auto p) ELM_INLINE_LAMBDA { Isa::ZeroPairs(pairs[r][p]); });
    });
    for (size_t k = 0; k < group; k += 8) {
      typename Isa::Codes even[kRows], odd[kRows];
      LoadEight(tile, row_bytes, even, odd);
      Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA {
        typename Isa::PairCodes codes;
        Isa::JoinCodes(even[r], odd[r], codes);
        Unrolled<kTokens / 2>([&](auto p) ELM_INLINE_LAMBDA {
          typename Isa::PairFours fours;
          Isa::JoinFours(cells + 2 * p, cells + width + 2 * p, fours);
          Isa::DotPairs2x2(codes, fours, pairs[r][p]);
        });
      });
      tile += kEightBytes;
      cells += 2 * width;
    }
    Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA {
      Unrolled<kTokens / 2>([&](auto p) ELM_INLINE_LAMBDA {
        Isa::AddPairs(pairs[r][p], sums[r][2 * p], sums[r][2 * p + 1]);
      });
    });
  }
};

// Float weights: all sums stay in registers for the whole block. f32 and f16 multiply the rows of
// activations where they lie; bf16 takes pairs of inputs, as they are stored, from cells, where
// inputs are zero from kept_inputs to the end of their tile.
template <typename Isa, WeightType kType, size_t kRows, size_t kTokens>
struct FloatBlock {
  static constexpr bool kPairs = !ReadsRows(kType);
  static constexpr size_t kStep = kPairs ? 2 : 1;                          // inputs
  static constexpr size_t kCells = kPairs && !Isa::kBf16Products ? 2 : 1;  // in a step
  // Sums that every output has, added in the end: those of a single token would wait for each
  // other.
  static constexpr size_t kWays = kTokens == 1 ? 2 : 1;
  using AllSums = Lanes[kRows][kTokens];

  // outputs[kTokens][kRows * kLanes], `stride` floats between tokens, become or gain the products.
  static ELM_INLINE void Add(const BlockTask& task, bool add, float* outputs, size_t stride) {
    const size_t columns = task.product.matrix->tile_columns;
    const size_t kept = task.product.kept_inputs;
    AllSums sums[kWays] = {};
    if (add) {
      Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
        Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA {
          Load(outputs + t * stride + r * kLanes, sums[0][r][t]);
        });
      });
    }
    const float* rows[kTokens];
    Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA { rows[t] = task.rows + t * task.row_stride; });
    ForEachTile(
        task, [&](const std::byte* tile, size_t row_bytes, size_t number) ELM_INLINE_LAMBDA {
          const size_t input = number * columns;
          const size_t count = kept - input < columns ? kept - input : columns;
          const size_t steps = (count + kStep - 1) / kStep;
          const auto add_step = [&](size_t step, AllSums& way) ELM_INLINE_LAMBDA {
            if constexpr (kPairs) {
              const size_t pair = input / kStep + step;
              AddPair(tile, row_bytes, step * kStep, task.cells + pair * kCells * task.width,
                      task.width, way);
            } else {
              Lanes weights[kRows];
              LoadWeights(tile, row_bytes, step, weights);
              AddInput(
                  weights, [&](auto t) ELM_INLINE_LAMBDA { return rows[t][input + step]; }, way);
            }
          };
          size_t step = 0;
          for (; step + kWays <= steps; step += kWays) {
            Unrolled<kWays>([&](auto w) ELM_INLINE_LAMBDA { add_step(step + w, sums[w]); });
          }
          if constexpr (kWays > 1) {
            for (; step < steps; ++step) add_step(step, sums[0]);
          }
        });
    Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
      Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA {
        Lanes sum = sums[0][r][t];
        if constexpr (kWays > 1) sum += sums[1][r][t];
        Store(sum, outputs + t * stride + r * kLanes);
      });
    });
  }

  static ELM_INLINE void AddPair(const std::byte* tile, size_t row_bytes, size_t k,
                                 const uint32_t* cells, size_t width, AllSums& sums) {
    if constexpr (Isa::kBf16Products) {
      typename Isa::Pairs weights[kRows];
      Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA {
        Isa::LoadPairs(tile + r * row_bytes + k * kLanes * 2, weights[r]);
      });
      Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
        Unrolled<kRows>([&](auto r)
                            ELM_INLINE_LAMBDA { Isa::DotPairs(weights[r], cells[t], sums[r][t]); });
      });
    } else {  // two neighbouring inputs of an output share 32 bits
      Lanes even[kRows], odd[kRows];
      Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA {
        LaneBits pairs;
        Load(tile + r * row_bytes + k * kLanes * 2, pairs);
        even[r] = AsBitsOf<float>(pairs << 16);
        odd[r] = AsBitsOf<float>(pairs & 0xffff0000U);
      });
      AddInput(
          even, [&](auto t) ELM_INLINE_LAMBDA { return std::bit_cast<float>(cells[t]); }, sums);
      AddInput(
          odd, [&](auto t) ELM_INLINE_LAMBDA { return std::bit_cast<float>(cells[width + t]); },
          sums);
    }
  }

  static ELM_INLINE void LoadWeights(const std::byte* tile, size_t row_bytes, size_t k,
                                     Lanes (&weights)[kRows]) {
    Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA {
      const std::byte* row = tile + r * row_bytes;
      if constexpr (kType == WeightType::kF32) {
        Load(row + k * kLanes * sizeof(float), weights[r]);
      } else {
        Isa::WidenF16(reinterpret_cast<const uint16_t*>(row) + k * kLanes, weights[r]);
      }
    });
  }

  // input_of(t): one input of token t.
  template <typename InputOf>
  static ELM_INLINE void AddInput(const Lanes (&weights)[kRows], const InputOf& input_of,
                                  AllSums& sums) {
    Unrolled<kTokens>([&](auto t) ELM_INLINE_LAMBDA {
      const float input = input_of(t);
      Unrolled<kRows>([&](auto r) ELM_INLINE_LAMBDA { sums[r][t] += weights[r] * input; });
    });
  }
};

// The first `live` outputs of a block's tokens from one place to another. Nearly always they are
// all that there are, as many as the compiler knows: calls for a few bytes each took a tenth of a
// product's time.
template <size_t kTokens, size_t kRows>
ELM_INLINE void CopyRows(const float* from, size_t from_stride, float* to, size_t to_stride,
                         size_t live) {
  const auto copy = [&](size_t count) ELM_INLINE_LAMBDA {
    for (size_t t = 0; t < kTokens; ++t) {
      std::memcpy(to + t * to_stride, from + t * from_stride, count * sizeof(float));
    }
  };
  live == kRows* kLanes ? copy(kRows * kLanes) : copy(live);
}

// One block: what is kept of its outputs becomes or gains the products.
template <typename Isa, WeightType kType, size_t kRows, size_t kTokens>
void AddBlock(const BlockTask& task, size_t token) {
  const Product& product = task.product;
  const size_t stride = product.outputs.stride;
  float* outputs = product.outputs.data + token * stride + task.tile_row * kLanes;
  const size_t left = product.kept_outputs - task.tile_row * kLanes;
  const size_t live = left < kRows * kLanes ? left : kRows * kLanes;
  const bool whole = live == kRows * kLanes;
  const bool add = product.accumulate || task.first_panel > 0;
  if constexpr (!IsQuantised(kType)) {
    if (whole) {
      return FloatBlock<Isa, kType, kRows, kTokens>::Add(task, add, outputs, stride);
    }
  } else if constexpr (kTokens == 1) {  // the results lie as the totals do
    if (whole) {
      if (!add) std::memset(outputs, 0, kRows * kLanes * sizeof(float));
      return QuantisedBlock<Isa, kType, kRows, kTokens>::Add(task, outputs);
    }
  }
  alignas(64) float totals[kTokens * kRows * kLanes];
  if (!add || !whole) std::memset(totals, 0, sizeof totals);
  if (add) CopyRows<kTokens, kRows>(outputs, stride, totals, kRows * kLanes, live);
  if constexpr (IsQuantised(kType)) {
    QuantisedBlock<Isa, kType, kRows, kTokens>::Add(task, totals);
  } else {
    FloatBlock<Isa, kType, kRows, kTokens>::Add(task, true, totals, kRows * kLanes);
  }
  CopyRows<kTokens, kRows>(totals, kRows * kLanes, outputs, stride, live);
}

// The first `task.width` tokens of a block of inputs, or as many as are left of it, in steps of
// kTokens.
template <typename Isa, WeightType kType, size_t kRows, size_t kTokens>
ELM_INLINE void AddTokens(BlockTask& task, size_t token, size_t& done) {
  if constexpr (kTokens > Isa::kBlockTokens) return;
  // A tile row that is left over is one of hundreds: not worth the code of every block.
  if constexpr (kRows < Isa::kBlockRows && kTokens != Isa::kBlockTokens && kTokens != 1) return;
  while (task.width - done >= kTokens) {
    AddBlock<Isa, kType, kRows, kTokens>(task, token + done);
    if constexpr (ReadsRows(kType)) {
      task.rows += kTokens * task.row_stride;
    } else {
      task.cells += kTokens;
      task.scales += kTokens;
      task.sums += kTokens;
    }
    done += kTokens;
  }
}

// The block of inputs that begins at `token`.
template <typename Isa>
ELM_INLINE BlockTask TaskOf(const Product& product, size_t tile_row, size_t first_panel,
                            size_t end_panel, size_t token) {
  const Inputs& inputs = *product.inputs;
  const size_t columns = product.matrix->tile_columns;
  const size_t left = inputs.tokens - token;
  return {.product = product,
          .tile_row = tile_row,
          .first_panel = first_panel,
          .end_panel = end_panel,
          .kept_tiles = (product.kept_inputs + columns - 1) / columns,
          .cells = inputs.cells + token * inputs.cells_per_token,
          .scales = inputs.scales + token * inputs.groups,
          .sums = inputs.sums + token * inputs.groups,
          .width = left < Isa::kBlockTokens ? left : Isa::kBlockTokens,
          .rows = inputs.rows.data + token * inputs.rows.stride,
          .row_stride = inputs.rows.stride};
}

template <typename Isa, WeightType kType, size_t kRows>
void AddAllTokens(const Product& product, size_t tile_row, size_t first_panel, size_t end_panel) {
  for (size_t token = 0; token < product.inputs->tokens; token += Isa::kBlockTokens) {
    BlockTask task = TaskOf<Isa>(product, tile_row, first_panel, end_panel, token);
    size_t done = 0;
    AddTokens<Isa, kType, kRows, Isa::kBlockTokens>(task, token, done);
    AddTokens<Isa, kType, kRows, 4>(task, token, done);
    AddTokens<Isa, kType, kRows, 2>(task, token, done);
    AddTokens<Isa, kType, kRows, 1>(task, token, done);
  }
}

template <typename Isa, WeightType kType>
void AddPanels(const Product& product, size_t first_panel, size_t end_panel) {
  size_t row = product.first_tile_row;
  for (; row + Isa::kBlockRows <= product.end_tile_row; row += Isa::kBlockRows) {
    AddAllTokens<Isa, kType, Isa::kBlockRows>(product, row, first_panel, end_panel);
  }
  for (; row < product.end_tile_row; ++row) {
    AddAllTokens<Isa, kType, 1>(product, row, first_panel, end_panel);
  }
}

// The tile rows of a panel of one tile that are kept whole, as many tiles one behind another.
template <typename Isa, WeightType kType>
ELM_INLINE void AddColumnOfTiles(BlockTask& task) {
  const Product& product = task.product;
  const size_t whole = product.kept_outputs / kLanes;
  const size_t end = whole < product.end_tile_row ? whole : product.end_tile_row;
  const size_t tile_bytes = product.matrix->tile_bytes;
  const std::byte* tile =
      product.matrix->tiles +
      (task.first_panel * product.matrix->tile_rows() + task.tile_row) * tile_bytes;
  const bool add = product.accumulate || task.first_panel > 0;
  for (; task.tile_row < end; ++task.tile_row) {
    float* outputs = product.outputs.data + task.tile_row * kLanes;
    if (!add) Store(Lanes{}, outputs);
    QuantisedBlock<Isa, kType, 1, 1>::AddTile(task, tile, 0, task.first_panel, outputs);
    tile += tile_bytes;
  }
}

// A single token, one tile row at a time: memory is the limit, and it is fastest when all bytes
// come in one run (two runs side by side cost a third of the speed).
template <typename Isa, WeightType kType>
void AddPanelOfOneToken(const Product& product, size_t panel) {
  BlockTask task = TaskOf<Isa>(product, product.first_tile_row, panel, panel + 1, 0);
  if constexpr (IsQuantised(kType)) {
    if (product.matrix->panel_tiles == 1) AddColumnOfTiles<Isa, kType>(task);
  }
  for (; task.tile_row < product.end_tile_row; ++task.tile_row) {
    AddBlock<Isa, kType, 1, 1>(task, 0);
  }
}

template <typename Isa, WeightType kType>
void MultiplyAs(const Product& product) {
  const size_t columns = product.matrix->panel_columns;
  const size_t panels = (product.kept_inputs + columns - 1) / columns;
  // Few tokens: memory is the limit, so the weights are read in the order in which they lie. Many:
  // arithmetic is, so the sums of a block are finished before the next one.
  constexpr size_t kFewTokens = 4;
  if (product.inputs->tokens > kFewTokens) return AddPanels<Isa, kType>(product, 0, panels);
  for (size_t panel = 0; panel < panels; ++panel) {
    if (product.inputs->tokens == 1) {
      AddPanelOfOneToken<Isa, kType>(product, panel);
    } else {
      AddPanels<Isa, kType>(product, panel, panel + 1);
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
