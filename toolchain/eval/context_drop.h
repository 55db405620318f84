// The context of a task with fewer words, as a shortened prompt leaves it: how much does a model
// lose by it, and how much by losing the right words?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "datasets/task.h"

namespace elm {

enum class DropKind {
  kNone,      // every word stays
  kRandom,    // any word of the context may go
  kUnneeded,  // only words that the answer does not depend on (Task::needed_words)
};
// "none", "random", "unneeded".
const char* DropKindName(DropKind kind);
std::optional<DropKind> ParseDropKind(std::string_view name);

struct ContextDrop {
  DropKind kind = DropKind::kNone;
  double keep = 1;    // share of the context's words that is left, above 0 and at most 1
  uint64_t seed = 1;  // which ones; every task draws its own
};

// The task with words of its context dropped; instructions, question and answers stay. Throws
// elm::Error for kUnneeded when the task does not mark its needed words.
Task DropContextWords(const Task& task, const ContextDrop& drop);

}  // namespace elm
