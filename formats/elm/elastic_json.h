// What a bundle carries to serve requests that name an SLO, for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "formats/elm/bundle.h"

namespace elm {

// Architecture, SLO tokens, levels, prompt template, sizes; the vocabulary only by its size.
nlohmann::ordered_json TlmJson(const BundleTlm& tlm);
nlohmann::ordered_json ReferenceLatencyJson(const LatencyTable& table);
nlohmann::ordered_json AccuracyJson(const AccuracyGrid& grid);

// "tiny_lm", "reference_latency" and "accuracy" of `json`; null where the bundle has none.
void AddElasticJson(const BundleView& view, nlohmann::ordered_json& json);

}  // namespace elm
