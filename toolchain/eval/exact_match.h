// Is what a model writes by itself the answer, word for word?
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace elm {

// How tokens become text.
struct AnswerDecoder {
  std::function<std::string(uint32_t id)> piece;  // what `id` appends, as Tokenizer::Piece()
  std::vector<uint32_t> stop_ids;                 // any of them ends a text
};

enum class MatchVerdict {
  kRight,
  kWrong,
  kOpen,  // more tokens decide
};

// Holds tokens that greedy decoding has given so far against `answer`. A text ends with a stop id,
// at a line end or after `most_tokens`, and is right when it equals the answer, blanks at both ends
// of either left aside. It is wrong as soon as no further token can make it right.
MatchVerdict JudgeExactMatch(std::span<const uint32_t> ids, std::string_view answer,
                             size_t most_tokens, const AnswerDecoder& decoder);

}  // namespace elm
