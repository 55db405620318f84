#include "toolchain/eval/context_drop.h"

#include <span>

#include "datasets/word_dropping.h"
#include "formats/base/hash.h"
#include "toolchain/base/error.h"

namespace elm {

const char* DropKindName(DropKind kind) {
  switch (kind) {
    case DropKind::kNone:
      return "none";
    case DropKind::kRandom:
      return "random";
    case DropKind::kUnneeded:
      return "unneeded";
  }
  return "unknown";
}

std::optional<DropKind> ParseDropKind(std::string_view name) {
  for (const DropKind kind : {DropKind::kNone, DropKind::kRandom, DropKind::kUnneeded}) {
    if (name == DropKindName(kind)) return kind;
  }
  return std::nullopt;
}

Task DropContextWords(const Task& task, const ContextDrop& drop) {
  Task shorter = task;
  const uint64_t seed = drop.seed ^ Hash64(std::as_bytes(std::span(task.id)));
  switch (drop.kind) {
    case DropKind::kNone:
      return shorter;
    case DropKind::kRandom:
      shorter.context = DropWordsAtRandom(task.context, drop.keep, seed);
      break;
    case DropKind::kUnneeded:
      if (task.needed_words.empty() && !task.context.empty()) {
        throw Error(InvalidArgument("task ", task.id,
                                    ": does not mark which words its answer needs, so --drop "
                                    "unneeded cannot keep them; use --drop random"));
      }
      shorter.context = DropUnneededWords(task.context, task.needed_words, drop.keep, seed);
      break;
  }
  shorter.needed_words.clear();  // they counted the words that were there
  return shorter;
}

}  // namespace elm
