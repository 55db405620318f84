#include "runtime/tlm/prompt_parts.h"

namespace elm {
namespace {

std::string JoinRole(std::span<const PromptPart> parts, PartRole role) {
  std::string text;
  bool first = true;
  for (const PromptPart& part : parts) {
    if (part.role != role) continue;
    if (!first) text += '\n';
    first = false;
    text += part.text;
  }
  return text;
}

}  // namespace

const char* PartRoleName(PartRole role) {
  switch (role) {
    case PartRole::kSystem:
      return "system";
    case PartRole::kInstructions:
      return "instructions";
    case PartRole::kContext:
      return "context";
    case PartRole::kQuestion:
      return "question";
  }
  return "unknown";
}

std::string RenderPrompt(const PromptTemplate& prompt, std::span<const PromptPart> parts) {
  std::string text;
  for (const PromptPart& part : parts) {
    if (part.text.empty()) continue;
    if (!text.empty()) text += prompt.joiner;
    const bool question = part.role == PartRole::kQuestion;
    if (question) text += prompt.question_prefix;
    text += part.text;
    if (question) text += prompt.question_suffix;
  }
  return text;
}

std::string JoinContext(std::span<const PromptPart> parts) {
  return JoinRole(parts, PartRole::kContext);
}

std::string JoinQuestion(std::span<const PromptPart> parts) {
  return JoinRole(parts, PartRole::kQuestion);
}

}  // namespace elm
