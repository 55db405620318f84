#include "runtime/cli/token_counts.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include "formats/model/model_config.h"

namespace elm {
namespace {

// Nothing for what is no whole number from 0 to what a context can hold.
std::optional<uint32_t> ParseTokens(const std::string& word) {
  uint32_t tokens = 0;
  const char* end = word.data() + word.size();
  const auto parsed = std::from_chars(word.data(), end, tokens);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  if (tokens > ModelLimits::kContext) return std::nullopt;
  return tokens;
}

}  // namespace

std::vector<std::string> SplitAtCommas(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    const size_t comma = text.find(',');
    words.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return words;
    text.remove_prefix(comma + 1);
  }
}

Result<std::vector<uint32_t>> ReadTokenCounts(const ParsedFlags& flags, const std::string& name) {
  const std::string text = flags.Text(name, "");
  std::vector<uint32_t> counts;
  for (const std::string& word : SplitAtCommas(text)) {
    const auto count = ParseTokens(word);
    if (!count || (*count == 0 && text != "0")) {
      return InvalidArgument("--", name, " is \"", text,
                             "\", expected numbers of tokens between commas, or 0");
    }
    const bool known = std::find(counts.begin(), counts.end(), *count) != counts.end();
    if (*count > 0 && !known) counts.push_back(*count);
  }
  return counts;
}

}  // namespace elm
