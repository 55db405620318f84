// Which pairs of a prompt level and a model level meet an SLO, by measured latency.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "formats/model/latency_table.h"
#include "runtime/orchestrator/drift.h"
#include "runtime/orchestrator/slo.h"

namespace elm {

// The pairs among which is decided. Pair (p, m) has the index p * model_permille.size() + m.
struct LevelGrid {
  std::vector<uint32_t> prompt_permille;  // ascending, the last is 1000: the full prompt
  std::vector<uint32_t> model_permille;   // ascending, the last is 1000: the full model

  size_t pairs() const { return prompt_permille.size() * model_permille.size(); }
  size_t pair(size_t prompt_level, size_t model_level) const {
    return prompt_level * model_permille.size() + model_level;
  }
  size_t prompt_level(size_t pair) const { return pair / model_permille.size(); }
  size_t model_level(size_t pair) const { return pair % model_permille.size(); }
  size_t full_pair() const { return pairs() - 1; }
};

// 100 to 1000 in steps of 100.
std::vector<uint32_t> UsualPromptLevels();

// Neither list is empty, both ascend within 1 to 1000 and end with 1000.
Status Validate(const LevelGrid& grid);

// What the costs of one request depend on.
struct RequestSize {
  size_t full_tokens = 0;             // LLM tokens of the full rendered prompt, BOS included
  std::vector<uint32_t> kept_tokens;  // per prompt level, of the shortened prompt
  uint32_t output_tokens = 16;        // N: as many are expected
  // Tokens that the LLM's context holds, 0 for any number: a prompt that fills it leaves no room
  // for an answer.
  size_t context = 0;
  // Whether the tiny LM is asked. If not, no words are chosen either: neither its time nor that of
  // selection is in the costs.
  bool reads = false;
  size_t tlm_tokens = 0;
  // What the tiny LM took, once it has been asked; it takes the place of the table's time.
  std::optional<double> tlm_ms;
};

// What each prompt level leaves of a prompt of which `protected_tokens` may not go: its budget, but
// not less than those.
std::vector<uint32_t> KeptTokens(std::span<const uint32_t> prompt_permille, size_t full_tokens,
                                 size_t protected_tokens);

// Bounds in ms; infinite where nothing is demanded.
struct SloLimits {
  double ttft_ms = 0;
  double tpot_ms = 0;
  // The same as shares of the full model's latency on the full prompt, 1 where nothing is demanded:
  // what the tiny LM is told.
  double ttft_share = 1;
  double tpot_share = 1;
  // Both are 100 % and more: the full model on the full prompt meets them by definition, and the
  // tiny LM need not be asked. Bounds in ms must leave room for the drift, too: a slow device does
  // not stretch a second.
  bool allow_everything = false;
  // Both are shares of 100 % and more, or absent: what the full model takes on the full prompt is
  // what was asked for, whatever it takes today.
  bool met_by_definition = false;
};

// limit_TTFT = z TTFT_table(1.0, full_tokens); limit_TPOT = z TPOT_table(1.0, full_tokens + N / 2).
SloLimits LimitsOf(const LatencyTable& table, const Slo& slo, size_t full_tokens,
                   uint32_t output_tokens, const LatencyDrift& drift = {});

// Both infinite where the shortened prompt does not fit the LLM's context.
struct PairCost {
  double ttft_ms = 0;  // tiny LM, selection, switch and prefill
  double tpot_ms = 0;
  bool feasible = false;
};

struct Feasibility {
  LevelGrid grid;
  SloLimits limits;
  double margin = 0;  // of the table
  std::vector<PairCost> pairs;

  bool any() const;
  // Whether pair `a` is lighter than pair `b`: lower predicted TTFT, then lower TPOT, then lower
  // model level; of prompts that come out alike, the fuller one.
  bool Lighter(size_t a, size_t b) const;
  // How far a pair lies above the limits it breaks, as the larger ratio; 1 where it breaks none.
  double Overrun(size_t pair) const;
};

// Pair (p, m) is feasible when
//
//   TLM + selection + switch + TTFT_table(m, kept tokens) <= (1 - margin) limit_TTFT  and
//   TPOT_table(m, kept tokens + N / 2)                    <= (1 - margin) limit_TPOT,
//
// the times of the table multiplied by their drift. Where the limits allow everything, the full
// model on the full prompt is feasible whatever the margin. A model level that the table does not
// name costs what the nearest one does.
Feasibility FindFeasible(const LatencyTable& table, const LevelGrid& grid, const SloLimits& limits,
                         const RequestSize& size, const LatencyDrift& drift = {});

}  // namespace elm
