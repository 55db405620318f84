// From checkpoint and plan to one .elm bundle: reads a tensor, reorders its units, writes its
// tiles.
//
// Throws elm::Error.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/checkpoint/checkpoint.h"
#include "formats/elm/bundle_writer.h"
#include "formats/elm/weight_type.h"
#include "formats/workspace/plan_file.h"

namespace elm {

// The adapter of one level, ready to be stored.
struct AdapterToPack {
  AdapterSpec spec;
  std::vector<float>
      values;  // row-major matrices in the order of PlanAdapter(), one behind another
};

// The tiny LM of a bundle, ready to be stored, and what decisions are made by.
struct TlmToPack {
  TlmSettings settings;
  std::vector<std::vector<float>> tensors;  // row-major, in the order of ListTlmTensors()
  AccuracyGrid accuracy;
  LatencyTable reference;
  std::string provenance;  // one line about where it comes from
};

struct PackOptions {
  WeightType weights = WeightType::kF16;
  std::optional<WeightType> vocabulary;               // see BundleContents
  uint32_t group = 32;                                // see BundleContents
  MatrixQuantiser quantiser = LeastErrorQuantiser();  // for quantised types
  std::vector<AdapterToPack> adapters;                // ascending in level
  std::optional<TlmToPack> tlm;
  GenerationConfig generation;
  std::string tokenizer_model;  // serialised SentencePiece model
  std::string provenance_json;  // where the model comes from; must not hold paths or times
};

// The bundle's description without its weights: enough to know its size.
BundleContents DescribeBundle(const Checkpoint& checkpoint, const ElasticPlan& plan,
                              const PackOptions& options);

// Holds one tensor at a time, as float32, twice (original and reordered). The file appears under
// `path` only when it is complete.
void PackBundle(const Checkpoint& checkpoint, const ElasticPlan& plan, const PackOptions& options,
                const std::string& path, const WriteProgress& progress = {});

}  // namespace elm
