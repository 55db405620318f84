#include "toolchain/trace/play_device.h"

#include <algorithm>
#include <utility>

#include "toolchain/base/error.h"
#include "toolchain/eval/runtime_engine.h"
#include "toolchain/eval/task_request.h"
#include "toolchain/tlm/task_parts.h"

namespace elm {
namespace {

// Scores continuations in a session that has read the prompt and written something behind it.
class StandingEngine : public ScoringEngine {
 public:
  explicit StandingEngine(Session& session) : session_(session) {}

  const char* name() const override { return "runtime"; }

  std::vector<RequestScore> Score(size_t, std::span<const ScoringRequest> requests,
                                  const ScoringProgress&) override {
    std::vector<RequestScore> scores;
    for (const ScoringRequest& request : requests) {
      StandBehind(request.prompt);
      scores.push_back(ScoreContinuations(session_, request));
    }
    return scores;
  }

  std::vector<double> WindowLosses(size_t, const TokenWindows&, const ScoringProgress&) override {
    throw Error(Internal("a session that answers a request reads no other text"));
  }

 private:
  // Only the last token of the prompt is computed again, for its logits.
  void StandBehind(std::span<const uint32_t> prompt) {
    ThrowIfError(session_.Rewind(static_cast<uint32_t>(prompt.size() - 1)));
    ThrowIfError(session_.Append(prompt.last(1)));
  }

  Session& session_;
};

class Player {
 public:
  explicit Player(const DeviceInputs& inputs) : inputs_(inputs), engine_(inputs.session) {}

  DeviceRequest Serve(const Trace& trace, const TraceRequest& request) {
    const Task& task = trace.tasks[request.task];
    const TraceApp& app = trace.apps[request.app];
    SloRequest asked;
    asked.parts = TaskParts(task);
    asked.slo = app.slo;
    asked.generate.max_tokens = inputs_.output_tokens;
    asked.generate.ignore_stop = true;  // the clock runs for so many tokens, whatever they say
    const Result<SloAnswer> answer = inputs_.orchestrator.Answer(asked);
    ThrowIfError(answer.status().In("task " + task.id));
    DeviceRequest served = Measured(*answer);
    served.app = app.name;
    served.family = task.task;
    served.task = task.id;
    served.arrival_s = request.arrival_s;
    served.correct = IsRight(task, *answer);
    return served;
  }

 private:
  static DeviceRequest Measured(const SloAnswer& answer) {
    const PreparedRequest& prepared = answer.prepared;
    DeviceRequest served;
    served.ttft_limit_ms = std::min(prepared.limits.ttft_ms, kNoLimitMs);
    served.tpot_limit_ms = std::min(prepared.limits.tpot_ms, kNoLimitMs);
    served.feasible = answer.outcome != SloOutcome::kInfeasible;
    served.prompt_permille = prepared.prompt_permille;
    served.model_permille = prepared.model_permille;
    served.decided_by = DecisionSourceName(prepared.decision.source);
    served.full_tokens = static_cast<uint32_t>(prepared.compressed.full_tokens);
    served.tokens = static_cast<uint32_t>(prepared.compressed.tokens);
    served.predicted_ttft_ms = prepared.decision.predicted.ttft_ms;
    served.predicted_tpot_ms = prepared.decision.predicted.tpot_ms;
    served.ttft_ms = answer.ttft_ms;
    served.tlm_ms = prepared.tlm_ms;
    served.selection_ms = prepared.selection_ms;
    served.switch_ms = answer.switch_ms;
    served.prefill_ms = answer.result.ttft_ms;
    served.tpot_ms = answer.tpot_ms;
    served.met = answer.outcome == SloOutcome::kMet;
    return served;
  }

  bool IsRight(const Task& task, const SloAnswer& answer) {
    TaskSet set;
    set.tasks.push_back(WithParts(task, answer.prepared.compressed.parts));
    set.requests.push_back(MakeScoringRequest(set.tasks.back(), inputs_.encode, inputs_.bos));
    if (set.requests.back().prompt != answer.result.prompt_ids) {
      throw Error(Internal("task ", task.id, ": the runtime read another prompt than was scored"));
    }
    return ScoreTasks(engine_, inputs_.session.level(), set, inputs_.rules).front().correct;
  }

  const DeviceInputs& inputs_;
  StandingEngine engine_;
};

// When the machine is free again, had requests come when the trace says: in ms.
double FreeAfter(const DeviceRequest& request, uint32_t output_tokens) {
  return 1000 * request.arrival_s + request.wait_ms + request.ttft_ms +
         (output_tokens - 1) * request.tpot_ms;
}

}  // namespace

void PlayOnClock(const DeviceInputs& inputs, const DeviceHooks& hooks, DeviceResults& results) {
  size_t total = 0;
  for (const Trace& trace : inputs.traces) total += trace.requests.size();
  results.traces.resize(inputs.traces.size());
  Player player(inputs);
  size_t done = 0;
  for (size_t i = 0; i < inputs.traces.size(); ++i) {
    const Trace& trace = inputs.traces[i];
    DeviceTrace& played = results.traces[i];
    played.alpha = trace.alpha;
    played.seed = trace.seed;
    done += played.requests.size();
    for (size_t next = played.requests.size(); next < trace.requests.size(); ++next) {
      DeviceRequest served = player.Serve(trace, trace.requests[next]);
      if (next > 0) {
        const double free = FreeAfter(played.requests.back(), inputs.output_tokens);
        served.wait_ms = std::max(0.0, free - 1000 * served.arrival_s);
      }
      played.requests.push_back(std::move(served));
      hooks.progress(++done, total);
      hooks.measured();
    }
  }
}

}  // namespace elm
