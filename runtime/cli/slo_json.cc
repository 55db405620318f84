#include "runtime/cli/slo_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "formats/json/json_object.h"

namespace elm {
namespace {

using Json = nlohmann::ordered_json;

Json LimitsJson(const PreparedRequest& prepared) {
  const SloLimits& limits = prepared.limits;
  return JsonObject()
      .Number("ttft_ms", limits.ttft_ms)
      .Number("tpot_ms", limits.tpot_ms)
      .Number("ttft_share", limits.ttft_share)
      .Number("tpot_share", limits.tpot_share)
      .Number("margin", prepared.feasibility.margin)
      .Take();
}

Json DecisionJson(const PreparedRequest& prepared) {
  const std::vector<PairCost>& pairs = prepared.feasibility.pairs;
  const auto feasible =
      std::count_if(pairs.begin(), pairs.end(), [](const PairCost& cost) { return cost.feasible; });
  return JsonObject()
      .Text("prompt_level", LevelName(prepared.prompt_permille))
      .Text("model_level", LevelName(prepared.model_permille))
      .Text("source", DecisionSourceName(prepared.decision.source))
      .Flag("feasible", prepared.decision.feasible)
      .Count("feasible_pairs", static_cast<uint64_t>(feasible))
      .Count("pairs", pairs.size())
      .Text("tiny_lm", TlmUseName(prepared.tlm_use))
      .Count("tiny_lm_tokens", prepared.answer.tokens)
      .Count("output_tokens", prepared.output_tokens)
      .Value("drift", JsonObject()
                          .Number("ttft", prepared.drift.ttft)
                          .Number("tpot", prepared.drift.tpot)
                          .Number("tiny_lm", prepared.drift.tlm)
                          .Take())
      .Take();
}

Json PromptJson(const Compressed& compressed) {
  const auto kept = std::count(compressed.kept.begin(), compressed.kept.end(), 1);
  return JsonObject()
      .Count("tokens", compressed.tokens)
      .Count("full_tokens", compressed.full_tokens)
      .Number("prompt_fraction", compressed.prompt_fraction())
      .Number("context_fraction", compressed.context_fraction())
      .Flag("protected_exceed", compressed.protected_exceed)
      .Count("kept_words", static_cast<uint64_t>(kept))
      .Count("words", compressed.kept.size())
      .Text("text", compressed.prompt)
      .Take();
}

}  // namespace

Json PreparedJson(const SloRequest& request, const PreparedRequest& prepared,
                  const LatencySource& latency) {
  return JsonObject()
      .Text("schema", kAnswerSchema)
      .Count("schema_version", kAnswerSchemaVersion)
      .Text("slo", SloText(request.slo))
      .Value("latency_table", JsonObject()
                                  .Text("name", latency.name)
                                  .Text("origin", latency.origin)
                                  .Flag("reference", latency.reference)
                                  .Take())
      .Value("limits", LimitsJson(prepared))
      .Value("decision", DecisionJson(prepared))
      .Value("prompt", PromptJson(prepared.compressed))
      .Value("predicted", JsonObject()
                              .Number("ttft_ms", prepared.decision.predicted.ttft_ms)
                              .Number("tpot_ms", prepared.decision.predicted.tpot_ms)
                              .Take())
      .Take();
}

Json AnswerJson(const SloRequest& request, const SloAnswer& answer, const LatencySource& latency) {
  Json json = PreparedJson(request, answer.prepared, latency);
  json["measured"] = JsonObject()
                         .Number("ttft_ms", answer.ttft_ms)
                         .Number("tiny_lm_ms", answer.prepared.tlm_ms)
                         .Number("selection_ms", answer.prepared.selection_ms)
                         .Number("switch_ms", answer.switch_ms)
                         .Number("prefill_ms", answer.result.ttft_ms)
                         .Number("tpot_ms", answer.tpot_ms)
                         .Take();
  json["within_limits"] = answer.within_limits;
  json["outcome"] = SloOutcomeName(answer.outcome);
  json["text"] = answer.result.text;
  json["finish"] = FinishName(answer.result.finish);
  json["ids"] = answer.result.ids;
  return json;
}

Json WordsJson(const PreparedRequest& prepared) {
  const ContextWords& words = prepared.words;
  Json list = Json::array();
  for (size_t i = 0; i < words.words.size(); ++i) {
    const ContextWord& word = words.words[i];
    const TextSpan span = word.span;
    list.push_back(
        JsonObject()
            .Text("text", std::string_view(words.context).substr(span.begin, span.end - span.begin))
            .Flag("kept", prepared.compressed.kept[i] != 0)
            .Value("score", prepared.scores.empty() ? Json(nullptr) : Json(prepared.scores[i]))
            .Count("unit", word.unit)
            .Flag("forced", word.forced)
            .Take());
  }
  return list;
}

Json PairsJson(const PreparedRequest& prepared) {
  const LevelGrid& grid = prepared.feasibility.grid;
  const std::vector<float>& right = prepared.answer.right;
  Json list = Json::array();
  for (size_t pair = 0; pair < prepared.feasibility.pairs.size(); ++pair) {
    const PairCost& cost = prepared.feasibility.pairs[pair];
    list.push_back(
        JsonObject()
            .Text("prompt_level", LevelName(grid.prompt_permille[grid.prompt_level(pair)]))
            .Text("model_level", LevelName(grid.model_permille[grid.model_level(pair)]))
            .Number("ttft_ms", cost.ttft_ms)
            .Number("tpot_ms", cost.tpot_ms)
            .Flag("feasible", cost.feasible)
            .Value("right", pair < right.size() ? Json(right[pair]) : Json(nullptr))
            .Take());
  }
  return list;
}

}  // namespace elm
