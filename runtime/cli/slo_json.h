// Requests with an SLO and their answers as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "runtime/cli/slo_engine.h"
#include "runtime/orchestrator/orchestrator.h"

namespace elm {

inline constexpr const char* kAnswerSchema = "elm-slo-answer";
inline constexpr uint32_t kAnswerSchemaVersion = 1;

// What was asked, decided and kept, and what it was expected to take. docs/slo.md explains every
// key.
nlohmann::ordered_json PreparedJson(const SloRequest& request, const PreparedRequest& prepared,
                                    const LatencySource& latency);

// The same with the answer and what it took.
nlohmann::ordered_json AnswerJson(const SloRequest& request, const SloAnswer& answer,
                                  const LatencySource& latency);

// Every word of the context with its score and whether it stayed, and every pair of levels with its
// predicted cost: what `elm explain` adds.
nlohmann::ordered_json WordsJson(const PreparedRequest& prepared);
nlohmann::ordered_json PairsJson(const PreparedRequest& prepared);

}  // namespace elm
