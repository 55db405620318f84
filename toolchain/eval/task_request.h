// A task as token ids.
#pragma once

#include <cstdint>
#include <optional>

#include "datasets/task.h"
#include "datasets/token_windows.h"
#include "toolchain/eval/scoring_engine.h"

namespace elm {

// The prompt of datasets/prompt.h with `bos` (where the model wants one) in front, and one
// continuation per option; of a task without options the answer, with greedy tokens.
//
// A continuation's ids are those of prompt and answer in one text, without as many from the front
// as the prompt alone has: pieces may not end where the prompt does. (EleutherAI's
// lm-evaluation-harness, `_encode_pair`.) Throws elm::Error that names the task when nothing is
// left of one, or when an answer to be matched exactly does not fit one line.
ScoringRequest MakeScoringRequest(const Task& task, const EncodeText& encode,
                                  std::optional<uint32_t> bos);

}  // namespace elm
