// Tasks as prompts in parts, and shortened as the runtime shortens them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/task.h"
#include "runtime/tlm/compress.h"
#include "runtime/tlm/prompt_parts.h"
#include "toolchain/tlm/word_saliency.h"

namespace elm {

// Instructions, each part of the context, question; RenderPrompt() of them is PromptText(task).
std::vector<PromptPart> TaskParts(const Task& task);

// The task with the contexts of `parts`, which come from TaskParts() of it.
Task WithParts(const Task& task, std::span<const PromptPart> parts);

// Counts with the LLM's tokenizer.
class ReaderTokenCounter : public TokenCounter {
 public:
  // `reader` must outlive this.
  explicit ReaderTokenCounter(const PromptReading& reader) : reader_(reader) {}

  size_t Count(std::string_view prompt) const override;
  std::vector<uint32_t> TokenEnds(std::string_view text) const override;

 private:
  const PromptReading& reader_;
};

// A task at several prompt levels.
struct ShortenedTask {
  std::vector<Task> tasks;        // [levels]
  std::vector<uint32_t> tokens;   // [levels] LLM tokens of the rendered prompt, BOS included
  std::vector<uint32_t> prompts;  // [levels] the first level with the same prompt
  uint32_t full_tokens = 0;
};

// What the runtime's compressor leaves of a task at each prompt level (thousandths), by the scores
// of its context's words.
ShortenedTask ShortenTask(const PromptTemplate& prompt, const Task& task,
                          std::span<const float> word_scores,
                          std::span<const uint32_t> prompt_levels, const TokenCounter& counter);

}  // namespace elm
