// The arithmetic of a forward pass, as one table of functions for each instruction set. The table
// is chosen once; all others call through it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "formats/base/status.h"
#include "runtime/kernels/kv_layout.h"
#include "runtime/kernels/matrix.h"

namespace elm {

// Rows of activations or results, `stride` floats apart.
struct InputRows {
  const float* data;
  size_t stride;
};
struct OutputRows {
  float* data;
  size_t stride;
};

// What a product multiplies with: activations in the form that the weights' type wants.
enum class InputForm {
  kRows,       // as they are, where they lie: nothing is copied
  kFloat,      // as they are, in cells
  kBf16,       // rounded to bf16
  kQuantised,  // 8-bit integers, one scale for each token and group
};

// Whether products with weights of `type` read kRows.
constexpr bool ReadsRows(WeightType type) {
  return type == WeightType::kF32 || type == WeightType::kF16;
}

// Activations of `tokens` tokens made ready for products; the buffers belong to an InputBuffer.
// kRows has none.
//
// Tokens are taken in blocks of KernelTable::block_tokens. What a kernel reads of one token at a
// time, one float, two halves or four integers, is a cell of four bytes; the cells of a block lie
// side by side, [inputs of a cell][token of the block], and so do scales and sums,
// [group][token of the block]. So one pointer serves all tokens of a block.
struct Inputs {
  InputForm form = InputForm::kFloat;
  size_t tokens = 0;
  size_t columns = 0;          // inputs that are there; behind them come zeros
  InputRows rows = {};         // where they come from
  uint32_t* cells = nullptr;   // a block begins at its first token * cells_per_token
  size_t cells_per_token = 0;  // padding included
  size_t group = 0;            // kQuantised: inputs that share a scale
  size_t groups = 0;           // per token; a block begins at its first token * groups
  float* scales = nullptr;
  int32_t* sums = nullptr;  // of the integers
};

// Inputs that one cell holds.
constexpr size_t InputsPerCell(InputForm form) {
  return form == InputForm::kQuantised ? 4 : form == InputForm::kBf16 ? 2 : 1;
}

// outputs[t, rows] (+)= matrix[rows, 0:kept_inputs] inputs[t, 0:kept_inputs], for the outputs of
// the tile rows [first_tile_row, end_tile_row) that are below kept_outputs. Nothing else is
// written, and a tile row's results do not depend on which others are asked for.
struct Product {
  const Matrix* matrix;
  const Inputs* inputs;
  size_t kept_outputs;
  size_t kept_inputs;
  size_t first_tile_row;
  size_t end_tile_row;
  bool accumulate;  // add to what `outputs` holds
  OutputRows outputs;
};

// Attention of some tokens of one query head over a KV head's cache (kv_layout.h).
struct AttentionTask {
  const float* queries;  // [tokens, query_stride], head_dim floats each
  size_t query_stride;
  const void* keys;    // kv_layout.h
  const void* values;  // [positions, head_dim]
  size_t head_dim;
  size_t start;  // position of the first token: token t sees positions 0 .. start + t
  size_t tokens;
  float* scores;   // scratch, AttentionScratch(context) floats
  float* outputs;  // [tokens, output_stride]
  size_t output_stride;
  // Not 0: every token sees that many positions, and `start` means nothing.
  size_t all_see = 0;
};

struct KernelTable {
  const char* name;         // "avx512"
  const char* description;  // the instructions that it uses
  bool bf16_products;       // bf16 weights multiply rounded activations (InputForm::kBf16)
  size_t block_tokens;      // see Inputs

  void (*product)(const Product&);

  // One row of activations into cells `width` apart, zeros behind `columns`. The quantising one
  // rounds each group of inputs by its largest magnitude.
  void (*pack_floats)(const float* row, size_t columns, size_t cells, size_t width,
                      uint32_t* target);
  void (*pack_bf16)(const float* row, size_t columns, size_t cells, size_t width, uint32_t* target);
  void (*quantise)(const float* row, size_t columns, size_t group, size_t groups, size_t width,
                   uint32_t* target, float* scales, int32_t* sums);

  // outputs[i] = weights[i] * inputs[i] / sqrt(mean(inputs^2) + epsilon) (Zhang and Sennrich 2019).
  void (*rms_norm)(const float* inputs, const float* weights, size_t width, float epsilon,
                   float* outputs);
  // gate[i] = silu(gate[i]) * up[i] with silu(x) = x / (1 + exp(-x)) (Shazeer 2020).
  void (*swiglu)(float* gate, const float* up, size_t count);
  // row[i] = max(row[i] + bias[i], 0).
  void (*add_relu)(float* row, const float* bias, size_t count);
  // row[i] = (row[i] + bias[i]) * scale[i] + shift[i]: MobileBERT's "NoNorm" behind a product.
  void (*no_norm)(float* row, const float* bias, const float* scale, const float* shift,
                  size_t width);
  // With x = row + bias: row[i] = (x[i] - mean(x)) / sqrt(variance(x) + epsilon) * scale[i] +
  // shift[i] (Ba et al. 2016).
  void (*layer_norm)(float* row, const float* bias, const float* scale, const float* shift,
                     size_t width, float epsilon);
  // Rotates one head in place (Su et al. 2021), dimension i together with i + head_dim / 2.
  void (*rope)(const float* cosines, const float* sines, size_t head_dim, float* head);
  // By KvType. Stores one token's key and value of one head into its cache.
  void (*store_kv[kKvTypes])(const float* key, const float* value, size_t head_dim, size_t position,
                             void* keys, void* values);
  void (*attend[kKvTypes])(const AttentionTask&);

  // For benchmarks: what products could reach if nothing but arithmetic, or nothing but memory,
  // held them up. Multiplications and additions in `rounds` rounds (at most kMostProbeRounds) of
  // what products with `type` do, in registers; and a plain read of memory.
  double (*probe_products)(WeightType type, size_t rounds);
  void (*probe_read)(const std::byte* bytes, size_t count);
};

inline constexpr size_t kMostProbeRounds = 1U << 16;

// The instruction sets that this build has kernels for, best first; the last one runs everywhere.
std::span<const KernelTable* const> AllKernels();
// Whether this machine runs them.
bool IsSupported(const KernelTable& kernels);

// By name. kUnsupported when this machine lacks the instructions, kInvalidArgument with the list of
// names when there is none of that name.
Result<const KernelTable*> FindKernels(std::string_view name);

// The best for this machine, or the one that the environment variable ELM_FORCE_ISA names. The
// choice is made once.
Result<const KernelTable*> ChooseKernels();

}  // namespace elm
