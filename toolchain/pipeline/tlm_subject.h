// The elastic LLM of a workspace as the tiny LM's steps see it, and what they left there.
#pragma once

#include <optional>
#include <string>

#include "toolchain/pack/pack.h"
#include "toolchain/pipeline/run_context.h"
#include "toolchain/tlm/tlm_job.h"

namespace elm {

// The reordered model with its plan and adapters, in bfloat16 where that is multiplied in hardware.
TlmSubject MakeTlmSubject(RunContext& context);

// Progress on standard error, cancellation by Ctrl-C.
TlmHooks MakeTlmHooks(RunContext& context);

// What pack stores: the finished tiny LM, its accuracy grid and reference latency. Nothing when the
// run is to have none.
std::optional<TlmToPack> FinishedTlm(RunContext& context);

}  // namespace elm
