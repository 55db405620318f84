// How the parts of a request become the LLM's prompt; the same for training, labelling and use.
#pragma once

#include <string>

namespace elm {

// Parts are joined, empty ones leave nothing; the question stands last between its prefix and
// suffix, the answer follows. All UTF-8.
struct PromptTemplate {
  std::string question_prefix = "Q: ";
  std::string question_suffix = "\nA:";
  std::string joiner = "\n";

  bool operator==(const PromptTemplate&) const = default;
};

}  // namespace elm
