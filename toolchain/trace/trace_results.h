// What playing traces found, request by request.
//
// In memory and in the file stand primary facts; accuracies, attainment and differences follow from
// them (trace_summary.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace elm {

// Stands for no limit, which a file cannot hold: 30 years.
inline constexpr double kNoLimitMs = 1e12;

// How a request was served by one policy, in a big LLM's economics.
struct PolicyAnswer {
  uint32_t prompt_permille = 1000;  // prompt level
  uint32_t model_permille = 1000;   // name of the model level, or of a baseline's
  uint32_t tokens = 0;              // of the prompt that the LLM read
  double ttft_ms = 0;               // by the table
  double tpot_ms = 0;
  bool met = false;  // the SLO could be met, and was
  bool correct = false;

  bool operator==(const PolicyAnswer&) const = default;
};

// One task asked by one app: the same in every trace.
struct TraceCase {
  std::string app = {};
  std::string slo = {};  // SloText()
  std::string family = {};
  std::string task = {};       // id
  std::string task_hash = {};  // of its contents: ids of two traces may be the same
  double ttft_limit_ms = 0;
  double tpot_limit_ms = 0;
  uint32_t full_tokens = 0;                          // of the full prompt
  uint32_t tlm_tokens = 0;                           // that the tiny LM reads
  uint32_t feasible_pairs = 0;                       // of a prompt level and a model level
  std::map<std::string, PolicyAnswer> answers = {};  // by policy
  // What was measured so far, so that an interrupted run goes on: whether the answer was right at
  // pairs (prompt level, model level) in thousandths of the elastic model; the same of the task in
  // another wording; and at (prompt level, sparsity) of the whole model with contextual sparsity.
  using Cells = std::map<std::pair<uint32_t, uint32_t>, bool>;
  Cells cells = {};
  Cells reworded = {};
  Cells sparse = {};

  bool operator==(const TraceCase&) const = default;
};

// Which part a policy plays in the comparison.
enum class PolicyRole {
  kOurs,      // the elastic model
  kBaseline,  // one of the seven of the publication
  kOther,     // other policies of the elastic model, and bounds
};
const char* PolicyRoleName(PolicyRole role);  // "ours", "baseline", "other"

struct TracePolicy {
  std::string name = {};   // "shortgpt/a": key of TraceCase::answers
  std::string title = {};  // "ShortGPT"
  PolicyRole role = PolicyRole::kOther;
  // Of baselines: "a" as published, "b" after the same recovery as ours; else empty.
  std::string table = {};
  std::string note = {};  // what a reader should know of it; may be empty

  bool operator==(const TracePolicy&) const = default;
};

inline constexpr char kOurPolicy[] = "elastic";

struct PlayedTrace {
  std::optional<double> alpha = {};
  std::optional<uint64_t> seed = {};
  std::vector<uint32_t> cases = {};  // of its requests, in their order; indices

  bool operator==(const PlayedTrace&) const = default;
};

// A big LLM's economics: what is right by the bundle, what it costs by a table.
struct EconomicsResults {
  std::string table = {};           // name of the latency table
  std::string table_hash = {};      // XXH3-64 of its file
  std::string baselines_hash = {};  // of the files that baselines came from; empty without
  std::string engine = {};
  uint32_t output_tokens = 16;
  std::vector<TracePolicy> policies = {};  // ours first
  std::vector<TraceCase> cases = {};
  std::vector<PlayedTrace> traces = {};

  bool operator==(const EconomicsResults&) const = default;
  // Every policy has answered every case; before, an interrupted run.
  bool finished() const;
};

// A request that was really served, on the machine's own clock. Times in ms.
struct DeviceRequest {
  std::string app = {};
  std::string family = {};
  std::string task = {};
  double arrival_s = 0;
  double wait_ms = 0;  // behind earlier requests, had it come when the trace says
  double ttft_limit_ms = 0;
  double tpot_limit_ms = 0;
  bool feasible = false;  // some pair of levels was, when it was decided
  uint32_t prompt_permille = 1000;
  uint32_t model_permille = 1000;
  std::string decided_by = {};  // "grid", "fallback", ...
  uint32_t full_tokens = 0;
  uint32_t tokens = 0;
  double predicted_ttft_ms = 0;
  double predicted_tpot_ms = 0;
  double ttft_ms = 0;  // measured: the sum of the next four
  double tlm_ms = 0;
  double selection_ms = 0;
  double switch_ms = 0;
  double prefill_ms = 0;
  double tpot_ms = 0;  // measured
  bool met = false;    // feasible, and within both limits
  bool correct = false;

  bool operator==(const DeviceRequest&) const = default;
};

struct DeviceTrace {
  std::optional<double> alpha = {};
  std::optional<uint64_t> seed = {};
  std::vector<DeviceRequest> requests = {};  // those that were played so far

  bool operator==(const DeviceTrace&) const = default;
};

struct DeviceResults {
  std::string table = {};       // name of the latency table: the device
  std::string table_hash = {};  // XXH3-64 of its file
  uint32_t output_tokens = 16;
  std::vector<DeviceTrace> traces = {};

  bool operator==(const DeviceResults&) const = default;
};

struct TraceResults {
  std::string tool_version = {};
  std::string bundle_hash = {};                    // XXH3-64 of the file
  std::string traces_hash = {};                    // of all traces that are played
  std::optional<DeviceResults> device = {};        // set-up (a): all real
  std::optional<EconomicsResults> economics = {};  // set-up (b)

  bool operator==(const TraceResults&) const = default;
};

}  // namespace elm
