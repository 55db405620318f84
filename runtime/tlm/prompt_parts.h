// A prompt in parts with roles: what may be shortened and what must reach the LLM byte for byte.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "formats/model/prompt_template.h"

namespace elm {

// Only context may be shortened; everything else is protected.
enum class PartRole { kSystem, kInstructions, kContext, kQuestion };
const char* PartRoleName(PartRole role);  // "system", "instructions", "context", "question"

struct PromptPart {
  PartRole role = PartRole::kContext;
  std::string text;  // UTF-8

  bool operator==(const PromptPart&) const = default;
};

// The text that the LLM reads: parts in their order, the joiner between them, each question between
// its prefix and suffix; empty parts leave nothing. For a task of datasets/ it is PromptText().
std::string RenderPrompt(const PromptTemplate& prompt, std::span<const PromptPart> parts);

// What the tiny LM takes for the context: the texts of all context parts with '\n' between them.
std::string JoinContext(std::span<const PromptPart> parts);

// What the tiny LM takes for the question: the texts of all question parts with '\n' between them.
std::string JoinQuestion(std::span<const PromptPart> parts);

}  // namespace elm
