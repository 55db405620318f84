#include "formats/elm/elastic_json.h"

#include <utility>

#include "formats/elm/elastic_text.h"
#include "formats/json/json_object.h"

namespace elm {

using Json = nlohmann::ordered_json;

Json TlmJson(const BundleTlm& tlm) {
  const TlmSettings& settings = tlm.settings;
  const TlmConfig& config = settings.config;
  const TlmWeightCounts counts = CountTlmWeights(config);
  return JsonObject()
      .Count("vocab", config.vocab)
      .Count("positions", config.positions)
      .Count("token_types", config.token_types)
      .Count("embedding", config.embedding)
      .Flag("trigram", config.trigram)
      .Count("hidden", config.hidden)
      .Count("bottleneck", config.bottleneck)
      .Count("heads", config.heads)
      .Count("intermediate", config.intermediate)
      .Count("feed_forwards", config.feed_forwards)
      .Text("norm", config.layer_norm ? "layer_norm" : "no_norm")
      .Count("layers", config.layers)
      .Count("shared_layers", config.shared_layers)
      .Count("weights", counts.all)
      .Count("weights_outside_embeddings", counts.layers_and_heads)
      .Count("weight_bytes", TlmBytes(tlm))
      .Flag("lower_case", settings.lower_case)
      .Count("vocabulary_bytes", settings.vocabulary.size())
      .Value("ttft_permille", settings.ttft_permille)
      .Value("tpot_permille", settings.tpot_permille)
      .Value("prompt_levels_permille", settings.prompt_levels_permille)
      .Value("model_levels_permille", settings.model_levels_permille)
      .Text("question_prefix", settings.prompt.question_prefix)
      .Text("question_suffix", settings.prompt.question_suffix)
      .Text("joiner", settings.prompt.joiner)
      .Text("decision", settings.decision == DecisionKind::kGrid ? "grid" : "classifiers")
      .Count("window_overlap", settings.window_overlap)
      .Count("short_prompt_tokens", settings.short_prompt_tokens)
      .Take();
}

Json ReferenceLatencyJson(const LatencyTable& table) {
  return JsonObject()
      .Text("name", table.name)
      .Value("level_permille", table.level_permille)
      .Value("ttft_tokens", table.ttft_tokens)
      .Value("ttft_ms", table.ttft_ms)
      .Value("tpot_context", table.tpot_context)
      .Value("tpot_ms", table.tpot_ms)
      .Value("tlm_tokens", table.tlm_tokens)
      .Value("tlm_ms", table.tlm_ms)
      .Number("selection_ms_per_kilotoken", table.selection_ms_per_kilotoken)
      .Number("switch_ms", table.switch_ms)
      .Number("margin", table.margin)
      .Take();
}

Json AccuracyJson(const AccuracyGrid& grid) {
  Json accuracy = Json::array();
  Json errors = Json::array();
  const size_t columns = grid.model_levels_permille.size();
  for (size_t row = 0; row < grid.prompt_levels_permille.size(); ++row) {
    Json accuracies = Json::array();
    Json row_errors = Json::array();
    for (size_t column = 0; column < columns; ++column) {
      accuracies.push_back(grid.accuracy[grid.Index(row, column)]);
      row_errors.push_back(grid.standard_error[grid.Index(row, column)]);
    }
    accuracy.push_back(std::move(accuracies));
    errors.push_back(std::move(row_errors));
  }
  return JsonObject()
      .Value("prompt_levels_permille", grid.prompt_levels_permille)
      .Value("model_levels_permille", grid.model_levels_permille)
      .Count("items", grid.items)
      .Value("accuracy", std::move(accuracy))
      .Value("standard_error", std::move(errors))
      .Take();
}

void AddElasticJson(const BundleView& view, Json& json) {
  json["tiny_lm"] = view.tlm ? TlmJson(*view.tlm) : Json(nullptr);
  json["reference_latency"] =
      view.reference_latency ? ReferenceLatencyJson(*view.reference_latency) : Json(nullptr);
  json["accuracy"] = view.accuracy ? AccuracyJson(*view.accuracy) : Json(nullptr);
}

}  // namespace elm
