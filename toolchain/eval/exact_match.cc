#include "toolchain/eval/exact_match.h"

#include <algorithm>

#include "datasets/documents.h"

namespace elm {
namespace {

std::string_view TrimFront(std::string_view text) {
  while (!text.empty() && IsAsciiSpace(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view TrimBack(std::string_view text) {
  while (!text.empty() && IsAsciiSpace(text.back())) text.remove_suffix(1);
  return text;
}

struct DecodedLine {
  std::string text;
  bool ended = false;
};

DecodedLine DecodeLine(std::span<const uint32_t> ids, const AnswerDecoder& decoder) {
  DecodedLine line;
  for (const uint32_t id : ids) {
    const auto& stops = decoder.stop_ids;
    line.ended = std::find(stops.begin(), stops.end(), id) != stops.end();
    if (line.ended) break;
    line.text += decoder.piece(id);
    const size_t end = line.text.find('\n');
    line.ended = end != std::string::npos;
    if (line.ended) {
      line.text.resize(end);
      break;
    }
  }
  return line;
}

}  // namespace

MatchVerdict JudgeExactMatch(std::span<const uint32_t> ids, std::string_view answer,
                             size_t most_tokens, const AnswerDecoder& decoder) {
  const DecodedLine line = DecodeLine(ids, decoder);
  const std::string_view text = TrimFront(line.text);
  const std::string_view expected = TrimBack(TrimFront(answer));
  const bool equal = TrimBack(text) == expected;
  if (line.ended || ids.size() >= most_tokens) {
    return equal ? MatchVerdict::kRight : MatchVerdict::kWrong;
  }
  return equal || expected.starts_with(text) ? MatchVerdict::kOpen : MatchVerdict::kWrong;
}

}  // namespace elm
