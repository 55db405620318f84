// Runs one random piece of work on every instruction set of this machine and compares the results
// with the scalar kernels'.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "formats/elm/tile_layout.h"
#include "runtime/kernels/input_buffer.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/kv_layout.h"
#include "runtime/kernels/testing/supported_kernels.h"

namespace elm::testing {

// Numbers decided by the bytes of `data`, zeros behind its end; a seed for all that is too much to
// decide byte by byte.
class Decisions {
 public:
  explicit Decisions(std::span<const uint8_t> data) : data_(data) {}

  size_t Between(size_t least, size_t most) { return least + Next() % (most - least + 1); }
  bool Coin() { return Next() % 2 == 1; }
  std::mt19937_64 Engine() { return std::mt19937_64(Next() * 65536 + Next()); }

 private:
  size_t Next() {
    size_t value = 0;
    for (int i = 0; i < 2 && at_ < data_.size(); ++i) value = value * 256 + data_[at_++];
    return value;
  }

  std::span<const uint8_t> data_;
  size_t at_ = 0;
};

// Of widely different magnitudes, some zero.
inline std::vector<float> WildFloats(size_t count, std::mt19937_64& engine) {
  std::vector<float> values(count);
  for (float& value : values) {
    const uint64_t bits = engine();
    if (bits % 16 == 0) continue;
    const double mantissa = static_cast<double>(bits >> 11) * 0x1p-52 - 1.0;
    value = static_cast<float>(std::ldexp(mantissa, static_cast<int>(bits % 12) - 8));
  }
  return values;
}

// Any bytes, except that floats and scales are finite and at most 2.
inline std::vector<std::byte> WildTiles(const TileLayout& layout, WeightType type,
                                        std::mt19937_64& engine) {
  std::vector<std::byte> bytes(layout.StoredBytes(type).value());
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(engine());
  const size_t tile = layout.TileBytes(type);
  const size_t first_half =
      IsQuantised(type) ? tile - layout.tile_rows * sizeof(uint16_t) : size_t{0};
  for (size_t at = 0; at < bytes.size(); at += tile) {
    if (type == WeightType::kF32) {
      for (size_t i = 0; i < tile; i += sizeof(float)) {
        const float value = WildFloats(1, engine)[0];
        std::memcpy(bytes.data() + at + i, &value, sizeof value);
      }
      continue;
    }
    for (size_t i = first_half + 1; i < tile; i += sizeof(uint16_t)) {
      bytes[at + i] &= std::byte{0xbf};  // the exponent's highest bit
    }
  }
  return bytes;
}

// Empty, or what differs.
inline std::string Compare(const char* what, const KernelTable& kernels,
                           std::span<const float> actual, std::span<const float> expected,
                           double tolerance) {
  for (size_t i = 0; i < actual.size(); ++i) {
    // Written so that no number is a difference.
    if (std::abs(double{actual[i]} - double{expected[i]}) <= tolerance) continue;
    return StrCat(what, ": ", kernels.name, " gives ", actual[i], " at ", i, ", scalar gives ",
                  expected[i], ", tolerance ", tolerance);
  }
  return "";
}

inline std::string CompareProducts(Decisions& decisions) {
  const size_t rows = decisions.Between(1, 100);
  const size_t columns = decisions.Between(1, 300);
  const auto type = kWeightTypes[decisions.Between(0, std::size(kWeightTypes) - 1)];
  const uint32_t group = IsQuantised(type) ? 8U << decisions.Between(0, 4) : 32;
  const bool input_cut = decisions.Coin();
  const TileLayout layout = input_cut ? InputMajorLayout(rows, columns, type, group)
                                      : OutputMajorLayout(rows, columns, type, group);
  const size_t kept_outputs = decisions.Between(1, rows);
  const size_t kept_inputs = decisions.Between(1, columns);
  const size_t tokens = decisions.Between(1, 20);
  const bool accumulate = decisions.Coin();
  const size_t tile_rows = (kept_outputs + Matrix::kTileRows - 1) / Matrix::kTileRows;
  const size_t first_tile_row = decisions.Between(0, tile_rows - 1);
  auto engine = decisions.Engine();
  const auto bytes = WildTiles(layout, type, engine);
  const Matrix matrix = MakeMatrix(bytes, type, layout).value();
  const auto inputs = WildFloats(tokens * columns, engine);
  const auto before = WildFloats(tokens * rows, engine);

  const auto run = [&](const KernelTable& kernels) {
    InputBuffer buffer = InputBuffer::Create(tokens, columns).value();
    const Inputs ready =
        buffer.Describe(kernels, matrix, kept_inputs, tokens, {inputs.data(), columns});
    InputBuffer::Fill(kernels, ready, 0, tokens);
    std::vector<float> outputs = before;
    kernels.product({&matrix,
                     &ready,
                     kept_outputs,
                     kept_inputs,
                     first_tile_row,
                     tile_rows,
                     accumulate,
                     {outputs.data(), rows}});
    return outputs;
  };
  const auto expected = run(ScalarKernels());
  // Inputs stay below 8, weights below 8 times the largest code: what rounding a sum may cost.
  const double code = IsQuantised(type) ? -static_cast<double>(LeastCode(type)) + 1 : 1;
  const double largest = 64.0 * code * static_cast<double>(kept_inputs);
  for (const KernelTable* kernels : SupportedKernels()) {
    const bool rounds = type == WeightType::kBf16 && kernels->bf16_products;
    const std::string difference = Compare("product", *kernels, run(*kernels), expected,
                                           largest * (rounds ? 0x1p-9 : 0x1p-20));
    if (!difference.empty()) {
      return StrCat(difference, "; ", WeightTypeName(type), " group ", group, ", ", kept_outputs,
                    " of ", rows, " x ", kept_inputs, " of ", columns, input_cut ? " in" : " out",
                    ", ", tokens, " tokens, tile rows from ", first_tile_row);
    }
  }
  return "";
}

inline std::string CompareAttention(Decisions& decisions) {
  const size_t head_dim = 2 * decisions.Between(1, 70);
  const size_t start = decisions.Between(0, 90);
  const size_t tokens = decisions.Between(1, 20);
  const size_t kind = decisions.Between(0, kKvTypes - 1);
  const auto type = static_cast<KvType>(kind);
  auto engine = decisions.Engine();
  const size_t positions = start + tokens;
  const auto keys = WildFloats(positions * head_dim, engine);
  const auto values = WildFloats(positions * head_dim, engine);
  auto queries = WildFloats(tokens * head_dim, engine);
  for (float& query : queries) query /= 16;  // scores are exponents: moderate ones
  const auto run = [&](const KernelTable& kernels) {
    // No number where nothing is stored.
    std::vector<uint32_t> key_cache(KeyBytes(type, positions, head_dim) / 4 + 1, 0xffffffffU);
    std::vector<uint32_t> value_cache(ValueBytes(type, positions, head_dim) / 4 + 1, 0xffffffffU);
    for (size_t p = 0; p < positions; ++p) {
      kernels.store_kv[kind](keys.data() + p * head_dim, values.data() + p * head_dim, head_dim, p,
                             key_cache.data(), value_cache.data());
    }
    std::vector<float> scores(AttentionScratch(positions));
    std::vector<float> outputs(tokens * head_dim);
    kernels.attend[kind]({queries.data(), head_dim, key_cache.data(), value_cache.data(), head_dim,
                          start, tokens, scores.data(), outputs.data(), head_dim});
    return outputs;
  };
  const auto expected = run(ScalarKernels());
  for (const KernelTable* kernels : SupportedKernels()) {
    // A number between two that q8 can hold may become the other one.
    const double tolerance = type == KvType::kQ8 ? 0.05 : 1e-3;
    const std::string difference =
        Compare("attention", *kernels, run(*kernels), expected, tolerance);
    if (!difference.empty()) {
      return StrCat(difference, "; ", KvTypeName(type), ", heads of ", head_dim, ", ", tokens,
                    " tokens from ", start);
    }
  }
  return "";
}

inline std::string CompareRows(Decisions& decisions) {
  const size_t width = decisions.Between(1, 300);
  const size_t group = 8U << decisions.Between(0, 4);
  auto engine = decisions.Engine();
  const auto row = WildFloats(width, engine);
  const auto other = WildFloats(width, engine);
  const size_t groups = (width + group - 1) / group;
  struct Results {
    std::vector<float> normed, gated;
    std::vector<uint32_t> cells;
    std::vector<float> scales;
    std::vector<int32_t> sums;
  };
  const auto run = [&](const KernelTable& kernels) {
    Results results{std::vector<float>(width), row, std::vector<uint32_t>(groups * group / 4),
                    std::vector<float>(groups), std::vector<int32_t>(groups)};
    kernels.rms_norm(row.data(), other.data(), width, 1e-5F, results.normed.data());
    kernels.swiglu(results.gated.data(), other.data(), width);
    kernels.quantise(row.data(), width, group, groups, 1, results.cells.data(),
                     results.scales.data(), results.sums.data());
    return results;
  };
  const Results expected = run(ScalarKernels());
  for (const KernelTable* kernels : SupportedKernels()) {
    const Results actual = run(*kernels);
    for (const std::string& difference :
         {Compare("norm", *kernels, actual.normed, expected.normed, 1e-4),
          Compare("SwiGLU", *kernels, actual.gated, expected.gated, 1e-4),
          Compare("scales", *kernels, actual.scales, expected.scales, 0)}) {
      if (!difference.empty()) return StrCat(difference, "; width ", width);
    }
    if (actual.cells == expected.cells && actual.sums == expected.sums) continue;
    return StrCat("quantise: ", kernels->name, " differs from scalar; width ", width, " group ",
                  group);
  }
  return "";
}

// Empty when all kernels agree on the work that `data` describes, else what differs.
inline std::string CompareKernels(std::span<const uint8_t> data) {
  Decisions decisions(data);
  switch (decisions.Between(0, 2)) {
    case 0:
      return CompareProducts(decisions);
    case 1:
      return CompareAttention(decisions);
    default:
      return CompareRows(decisions);
  }
}

}  // namespace elm::testing
