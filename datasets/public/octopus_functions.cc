#include "datasets/public/octopus_functions.h"

#include <algorithm>
#include <utility>

#include "datasets/sentences.h"

namespace elm {
namespace {

constexpr std::string_view kDefinition = "def ";
constexpr std::string_view kDocstring = "\"\"\"";

std::string FirstSentence(std::string_view docstring) {
  const auto sentences = SplitSentences(docstring);
  if (sentences.empty()) return {};
  std::string_view sentence = sentences.front();
  if (sentence.ends_with('.')) sentence.remove_suffix(1);
  return std::string(sentence);
}

// The docstring that opens the body of the function whose text this is.
std::string_view Docstring(std::string_view function) {
  const size_t begin = function.find(kDocstring);
  if (begin == std::string_view::npos) return {};
  const std::string_view text = function.substr(begin + kDocstring.size());
  return text.substr(0, text.find(kDocstring));
}

}  // namespace

std::map<std::string, std::string> ParseFunctionDescriptions(std::string_view text) {
  std::map<std::string, std::string> descriptions;
  while (!text.empty()) {
    const size_t next = std::min(text.find("\ndef "), text.size() - 1) + 1;
    const std::string_view function = text.substr(0, next);
    text.remove_prefix(next);
    if (!function.starts_with(kDefinition)) continue;
    const std::string_view name = function.substr(kDefinition.size());
    std::string description = FirstSentence(Docstring(function));
    if (!description.empty()) {
      descriptions.emplace(name.substr(0, name.find('(')), std::move(description));
    }
  }
  return descriptions;
}

}  // namespace elm
