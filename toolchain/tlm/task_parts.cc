#include "toolchain/tlm/task_parts.h"

#include <algorithm>
#include <utility>

#include "toolchain/base/error.h"

namespace elm {

std::vector<PromptPart> TaskParts(const Task& task) {
  std::vector<PromptPart> parts;
  parts.push_back({PartRole::kInstructions, task.instructions});
  for (const std::string& part : task.context) parts.push_back({PartRole::kContext, part});
  parts.push_back({PartRole::kQuestion, task.question});
  return parts;
}

Task WithParts(const Task& task, std::span<const PromptPart> parts) {
  Task shorter = task;
  size_t next = 0;
  for (const PromptPart& part : parts) {
    if (part.role != PartRole::kContext) continue;
    if (next == shorter.context.size()) {
      throw Error(Internal("task ", task.id, " has fewer parts than its shortened prompt"));
    }
    shorter.context[next++] = part.text;
  }
  shorter.context.resize(next);
  shorter.needed_words.clear();  // they counted the words that were there
  return shorter;
}

size_t ReaderTokenCounter::Count(std::string_view prompt) const {
  return reader_.encode(prompt).size() + (reader_.bos ? 1 : 0);
}

std::vector<uint32_t> ReaderTokenCounter::TokenEnds(std::string_view text) const {
  std::vector<uint32_t> ends;
  size_t end = 0;
  for (const uint32_t id : reader_.encode(text)) {
    const std::string piece = reader_.piece(id);
    // Many tokenizers put a blank in front of a text.
    const bool added_blank = ends.empty() && piece.starts_with(' ') && !text.starts_with(' ');
    end += piece.size() - (added_blank ? 1 : 0);
    ends.push_back(static_cast<uint32_t>(std::min(end, text.size())));
  }
  return ends;
}

ShortenedTask ShortenTask(const PromptTemplate& prompt, const Task& task,
                          std::span<const float> word_scores,
                          std::span<const uint32_t> prompt_levels, const TokenCounter& counter) {
  const std::vector<PromptPart> parts = TaskParts(task);
  const ContextWords words = FindContextWords(parts);
  if (words.words.size() != word_scores.size()) {
    throw Error(Internal("task ", task.id, " has ", words.words.size(), " words and ",
                         word_scores.size(), " scores"));
  }
  ShortenedTask shortened;
  shortened.full_tokens = static_cast<uint32_t>(counter.Count(RenderPrompt(prompt, parts)));
  const Compressor compressor(prompt, parts, words, counter, shortened.full_tokens);
  std::vector<std::string> prompts;
  for (const uint32_t level : prompt_levels) {
    Compressed compressed =
        compressor.Shorten(word_scores, PromptBudget(level, shortened.full_tokens));
    shortened.tasks.push_back(WithParts(task, compressed.parts));
    shortened.tokens.push_back(static_cast<uint32_t>(compressed.tokens));
    const auto same = std::find(prompts.begin(), prompts.end(), compressed.prompt);
    shortened.prompts.push_back(static_cast<uint32_t>(same - prompts.begin()));
    prompts.push_back(std::move(compressed.prompt));
  }
  return shortened;
}

}  // namespace elm
