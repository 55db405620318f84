// Synthetic bundles: random weights in a named shape, for measuring memory, loading and speed at
// sizes for which there is no checkpoint at hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/elm/bundle_writer.h"
#include "formats/elm/weight_type.h"
#include "formats/model/model_config.h"
#include "formats/model/tlm_config.h"

namespace elm {

struct NamedShape {
  const char* name;
  const char* description;
  ModelConfig config;
};
const std::vector<NamedShape>& NamedShapes();

// Throws elm::Error that lists the names when there is none like `name`.
const NamedShape& FindShape(std::string_view name);

struct NamedTlmShape {
  const char* name;
  const char* description;
  TlmConfig config;  // without levels, and SLO tokens among its vocabulary
};
const std::vector<NamedTlmShape>& NamedTlmShapes();
// As FindShape().
const NamedTlmShape& FindTlmShape(std::string_view name);

struct SynthesizeOptions {
  WeightType weights = WeightType::kF16;
  std::optional<WeightType> vocabulary;  // of embedding and head; empty: as `weights`
  uint32_t group = 32;                   // see BundleContents
  uint64_t seed = 1;
  std::vector<uint32_t> levels = {200, 300, 400, 500, 600, 700, 800, 900, 1000};
  double anchor_share = 0.2;
  uint32_t adapter_rank = 0;     // of an adapter for every level below the full one; 0: none
  std::string tokenizer_model;   // empty: CharacterTokenizer()
  std::optional<TlmConfig> tlm;  // of a tiny LM; its levels follow from `levels`
  WeightType tlm_weights = WeightType::kQ8;
};

// Weights are uniform, scaled so that activations keep their size from layer to layer; the level
// table is the planner's, all units being equal. The same options give the same bytes. Throws
// elm::Error.
void SynthesizeBundle(const ModelConfig& config, const SynthesizeOptions& options,
                      const std::string& path, const WriteProgress& progress = {});

}  // namespace elm
