// Requests with an SLO: decide, shorten, switch, answer, and say how it went.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/elm/bundle.h"
#include "runtime/orchestrator/decide.h"
#include "runtime/orchestrator/drift.h"
#include "runtime/orchestrator/llm.h"
#include "runtime/orchestrator/monotonic_clock.h"
#include "runtime/tlm/prompt_reader.h"

namespace elm {

struct SloRequest {
  std::vector<PromptPart> parts;  // UTF-8; not all empty
  Slo slo;
  std::vector<std::string> forced;  // texts of the context that matter whatever the tiny LM says
  // max_tokens is also how many output tokens the decision reckons with.
  GenerateOptions generate = {.max_tokens = 16};
};

// Whether the tiny LM was asked, or why not.
enum class TlmUse {
  kRead,
  kAbsent,       // the bundle has none
  kNotNeeded,    // the SLO allows everything
  kNoContext,    // there is nothing to shorten, and no question to decide by
  kShortPrompt,  // below the bundle's own bound, where shortening does not pay
  kTooSlow,      // with its time no pair would be feasible, without it (full prompt) some are
};
const char* TlmUseName(TlmUse use);

// What was found out before the LLM is asked: all that `elm explain` shows.
struct PreparedRequest {
  SloLimits limits;
  // Of the pairs that there were to choose from: without the tiny LM those with the full prompt.
  Feasibility feasibility;
  // Before the tiny LM had read: a request that only its reading made infeasible was missed.
  bool was_feasible = false;
  Decision decision;
  TlmUse tlm_use = TlmUse::kRead;
  TlmAnswer answer;            // empty when the tiny LM was not asked
  uint32_t output_tokens = 0;  // N that the limits and costs were reckoned with
  LatencyDrift drift;          // that was in the costs
  uint32_t prompt_permille = 1000;
  uint32_t model_permille = 1000;
  ContextWords words;
  std::vector<float> scores;  // per word; empty when the tiny LM was not asked
  Compressed compressed;
  double tlm_ms = 0;
  double selection_ms = 0;  // everything else until the prompt was ready
};

enum class SloOutcome { kMet, kMissed, kInfeasible };
const char* SloOutcomeName(SloOutcome outcome);  // "met", "missed", "slo_infeasible"

struct SloAnswer {
  PreparedRequest prepared;
  GenerateResult result;
  double switch_ms = 0;
  // What counts for the SLO: tiny LM, selection, switch, and prefill with its tokenisation (the
  // result's own ttft_ms).
  double ttft_ms = 0;
  double tpot_ms = 0;  // (t_last - t_first) / (n - 1); 0 with fewer than two tokens
  // Both bounds held, to the microsecond. Also of an infeasible request, which may be lucky.
  bool within_limits = false;
  // Met where a feasible pair kept the bounds, and where the full model answered the full prompt as
  // bounds of 100 % ask for (the table's median would call every second of those a miss).
  SloOutcome outcome = SloOutcome::kMet;
};

// What decisions depend on beside the request.
struct OrchestratorConfig {
  PromptTemplate prompt;
  LevelGrid grid;
  DecisionKind decision = DecisionKind::kGrid;
  uint32_t short_prompt_tokens = 0;
  LatencyTable table;
  std::optional<AccuracyGrid> accuracy;
  bool follow_drift = true;  // correct predictions by what was measured
};

// What `bundle` says, with `table` for its latencies. Without a tiny LM: prompt levels by tens, the
// model levels of its table. Fails when the tiny LM decides about a level that the bundle lacks.
Result<OrchestratorConfig> ConfigOf(const Bundle& bundle, LatencyTable table);

// Serves requests one after the other; not thread-safe.
class Orchestrator {
 public:
  // `reader` is null without a tiny LM; its settings hold the levels of config.grid. All but the
  // config must outlive this. The config is valid.
  Orchestrator(OrchestratorConfig config, Llm& llm, PromptReader* reader,
               const MonotonicClock& clock = MonotonicClock::System());

  // Decides and shortens, and leaves the LLM alone.
  Result<PreparedRequest> Prepare(const SloRequest& request);

  // Prepares, switches and generates. Measured times correct the predictions of later requests.
  Result<SloAnswer> Answer(const SloRequest& request, const TextSink& sink = {});
  // The same for a request that is prepared already.
  Result<SloAnswer> Answer(const SloRequest& request, PreparedRequest prepared,
                           const TextSink& sink = {});

  const OrchestratorConfig& config() const { return config_; }
  const LatencyDrift& drift() const { return drift_.drift(); }

 private:
  Status ChooseWithTlm(const SloRequest& request, const Compressor& compressor,
                       PreparedRequest& prepared);
  void ChooseWithoutTlm(PreparedRequest& prepared) const;
  Feasibility FullPromptOnly(const PreparedRequest& prepared) const;
  RequestSize SizeOf(const PreparedRequest& prepared, std::vector<uint32_t> kept_tokens) const;
  void Observe(const SloAnswer& answer);

  OrchestratorConfig config_;
  Llm& llm_;
  PromptReader* reader_;
  const MonotonicClock& clock_;
  DriftTracker drift_;
};

}  // namespace elm
