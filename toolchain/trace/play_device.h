// Set-up (a): traces on this machine's own clock.
//
// Every request goes through the runtime's orchestrator as an app's would: tiny LM, selection,
// switch, prefill, decoding. Options are scored off the clock from the state that the prompt left.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "runtime/orchestrator/orchestrator.h"
#include "toolchain/eval/score_tasks.h"
#include "toolchain/trace/trace.h"
#include "toolchain/trace/trace_results.h"

namespace elm {

struct DeviceInputs {
  std::span<const Trace> traces;
  Orchestrator& orchestrator;  // over `session`
  Session& session;
  EncodeText encode;
  std::optional<uint32_t> bos;
  AnswerRules rules;
  uint32_t output_tokens = 16;
};

struct DeviceHooks {
  std::function<void(size_t done, size_t total)> progress = [](size_t, size_t) {};
  std::function<void()> measured = [] {};  // another request: time to keep the results
};

// Plays the requests one after the other, in the order of their arrival and without pauses between
// them, and appends each to `results`, which holds those that an interrupted run of the same traces
// played. Waiting times are those of one queue, had requests come when the traces say. Throws
// elm::Error.
void PlayOnClock(const DeviceInputs& inputs, const DeviceHooks& hooks, DeviceResults& results);

}  // namespace elm
