// Writes an .elm bundle, tensor by tensor, under a temporary name; it appears when it is complete.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "formats/base/status.h"
#include "formats/elm/bundle.h"
#include "formats/elm/quantised_tiles.h"
#include "formats/elm/weight_type.h"
#include "formats/model/accuracy_grid.h"
#include "formats/model/latency_table.h"
#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "formats/model/tensor_list.h"
#include "formats/model/tlm_settings.h"
#include "formats/model/tlm_tensors.h"

namespace elm {

struct AdapterSpec {
  uint32_t level = 0;  // index into the level table, below the full level
  uint32_t rank = 8;
  float scale = 1;  // alpha / rank
};

// A tiny LM to be packed. Vectors are float32; heads, positions and token types are f32 with f32
// weights and f16 otherwise; with q4 the words are q8.
struct TlmContents {
  TlmSettings settings;
  WeightType weights = WeightType::kQ8;
  uint32_t group = 128;  // as BundleContents::group
};

struct BundleContents {
  ModelConfig config;
  LevelTable levels;
  GenerationConfig generation;
  std::string tokenizer_model;
  std::string provenance_json;            // omitted when empty
  std::optional<WeightType> vocabulary;   // of embedding and head; empty: as `weights`
  WeightType weights = WeightType::kF16;  // of matrices; norms are always float32
  // Inputs that share a scale, for quantised types: a power of two times 32. A matrix whose shape
  // or level borders it does not divide gets the next smaller one that does, at least 32, and f16
  // where none does.
  uint32_t group = 32;
  std::vector<AdapterSpec> adapters;  // ascending in level
  // What a bundle of version 1.1 may hold beside; without any of it the version stays 1.0.
  std::optional<TlmContents> tlm;
  std::optional<LatencyTable> reference_latency;
  std::optional<AccuracyGrid> accuracy;
};

// Rounds one matrix (row-major, its units already reordered) that is stored as `type`, in groups of
// `group` inputs.
using MatrixQuantiser = std::function<Result<QuantisedMatrix>(
    const TensorSpec& spec, WeightType type, uint32_t group, std::span<const float> values)>;
// QuantiseMatrix() with the search for the least squared error.
MatrixQuantiser LeastErrorQuantiser();

// Fills `values` (rows * columns of the spec, row-major) with one tensor, its units already
// reordered. Called once per tensor of ListTensors(), in that order.
using TensorSource = std::function<Status(const TensorSpec& spec, std::span<float> values)>;

// Fills `values` (row-major) with one matrix of the adapter of BundleContents::adapters[adapter].
// Called once per matrix of PlanAdapter(), in that order, adapter by adapter.
using AdapterSource =
    std::function<Status(size_t adapter, const AdapterTensor& tensor, std::span<float> values)>;

// Fills `values` (row-major) with one tensor of the tiny LM. Called once per tensor of
// ListTlmTensors(), in that order.
using TlmSource = std::function<Status(const TlmTensorSpec& spec, std::span<float> values)>;

// Bytes written so far of `total`; called at least once per tensor.
using WriteProgress = std::function<void(uint64_t written, uint64_t total)>;

// Size of the file that WriteBundle() would make, for a dry run.
Result<uint64_t> BundleFileSize(const BundleContents& contents);

// Validates the contents, then writes. The same contents give the same bytes: no time stamp, no
// path, no padding that is not zero. A value that does not fit `weights` (overflow to infinity in
// f16) is an error that names the tensor. Quantised types are rounded by `quantiser`.
Status WriteBundle(const std::string& path, const BundleContents& contents,
                   const TensorSource& source, const WriteProgress& progress = {},
                   const MatrixQuantiser& quantiser = LeastErrorQuantiser(),
                   const AdapterSource& adapters = {}, const TlmSource& tlm = {});

}  // namespace elm
