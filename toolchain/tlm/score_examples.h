// What the score-head learns from: windows of the tiny LM's input, and for every piece of the
// context how much its word is worth keeping.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/task.h"
#include "formats/model/tlm_settings.h"
#include "runtime/tlm/tlm_input.h"

namespace elm {

// A window and a target from 0 (drop) to 1 (keep) for each position behind its header. Positions
// without a target (the header, padding) have no place here: nothing is learnt at them.
struct ScoreExample {
  TlmWindow window;
  std::vector<float> targets;  // [window.ids.size() - window.header]
};

// What of a task is the tiny LM's question and what its context: the parts joined with '\n'.
std::string TlmContext(const Task& task);

// Targets of a context's words from their saliency: sqrt(max(s, 0) / max s), so that a context
// where much matters and one where little does both have a 1, and what only helps a little is not
// lost beside what decides. All 0 where nothing helps.
std::vector<float> RetainTargets(std::span<const float> saliency);

// Targets of a context's words from the right answer alone, without any LLM: 1 for words of the
// answer where the context says it word for word (case and punctuation at a word's ends aside), 0.7
// for the other words of such a part, 0 elsewhere. Empty where no part says it, or all do. Coarse,
// but as plentiful as tasks: what a tiny LM learns to compare question and context from.
std::vector<float> EvidenceTargets(const Task& task);

// The windows of a question and context whose words (runs without blanks) have `targets`. A piece
// has its word's target.
std::vector<ScoreExample> MakeScoreExamples(const TlmSettings& settings,
                                            const WordPieceTokenizer& tokenizer,
                                            std::string_view question, std::string_view context,
                                            std::span<const float> targets);

// Byte spans of the words of a text, as SplitWords() finds them.
std::vector<TextSpan> WordSpans(std::string_view text);

// Per word the mean over the pieces that begin in it, 0 for a word without one: what use makes of
// the scores of pieces. Both lists ascend.
std::vector<float> MeanOverPieces(std::span<const TextSpan> words, std::span<const TextSpan> pieces,
                                  std::span<const float> scores);

}  // namespace elm
