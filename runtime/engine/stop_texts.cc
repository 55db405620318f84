#include "runtime/engine/stop_texts.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace elm {
namespace {

struct Match {
  size_t begin;
  size_t end;
};

// The first to be complete, the longest of those.
std::optional<Match> FirstMatch(std::string_view text, const std::vector<std::string>& stops) {
  std::optional<Match> first;
  for (const std::string& stop : stops) {
    const size_t begin = text.find(stop);
    if (begin == std::string_view::npos) continue;
    const Match match{begin, begin + stop.size()};
    if (!first || match.end < first->end ||
        (match.end == first->end && match.begin < first->begin)) {
      first = match;
    }
  }
  return first;
}

// Bytes at the end of `text` that `stop` begins with, without being all of it.
size_t BegunBytes(std::string_view text, std::string_view stop) {
  for (size_t bytes = std::min(text.size(), stop.size() - 1); bytes > 0; --bytes) {
    if (text.ends_with(stop.substr(0, bytes))) return bytes;
  }
  return 0;
}

}  // namespace

StopTexts::StopTexts(std::vector<std::string> texts) : texts_(std::move(texts)) {}

std::string_view StopTexts::Push(std::string_view text) {
  held_ += text;
  if (const std::optional<Match> match = FirstMatch(held_, texts_)) {
    stopped_ = true;
    const std::string_view before = Release(match->begin);
    held_.clear();
    return before;
  }
  size_t begun = 0;
  for (const std::string& stop : texts_) begun = std::max(begun, BegunBytes(held_, stop));
  return Release(held_.size() - begun);
}

std::string_view StopTexts::Finish() { return Release(held_.size()); }

std::string_view StopTexts::Release(size_t bytes) {
  released_.assign(held_, 0, bytes);
  held_.erase(0, bytes);
  return released_;
}

}  // namespace elm
