#include "runtime/tlm/tlm_input.h"

#include <algorithm>

namespace elm {
namespace {

std::vector<uint32_t> HeaderOf(const TlmSettings& settings, const WordPieceTokenizer& tokenizer,
                               const TlmQuestion& question) {
  std::vector<uint32_t> header = {tokenizer.cls_id(), TtftId(settings, question.ttft),
                                  TpotId(settings, question.tpot)};
  const std::vector<uint32_t> ids = tokenizer.Encode(question.question).ids;
  // What is asked for stands at the end more often than at the beginning.
  const size_t most = settings.config.positions / 3;
  const size_t kept = std::min(ids.size(), most);
  header.insert(header.end(), ids.end() - static_cast<ptrdiff_t>(kept), ids.end());
  header.push_back(tokenizer.sep_id());
  return header;
}

}  // namespace

TlmInput MakeTlmInput(const TlmSettings& settings, const WordPieceTokenizer& tokenizer,
                      const TlmQuestion& question) {
  const std::vector<uint32_t> header = HeaderOf(settings, tokenizer, question);
  TlmInput input;
  input.context = tokenizer.Encode(question.context);
  const std::vector<uint32_t>& pieces = input.context.ids;
  // At least a third of a window: Validate() asks for enough positions.
  const size_t room = settings.config.positions - header.size();
  const size_t step = room - std::min<size_t>(settings.window_overlap, room - 1);
  size_t first = 0;
  while (true) {
    // The last window is as full as the others.
    if (pieces.size() > room) first = std::min(first, pieces.size() - room);
    const size_t end = std::min(pieces.size(), first + room);
    TlmWindow& window = input.windows.emplace_back();
    window.ids = header;
    window.ids.insert(window.ids.end(), pieces.begin() + static_cast<ptrdiff_t>(first),
                      pieces.begin() + static_cast<ptrdiff_t>(end));
    window.header = static_cast<uint32_t>(header.size());
    window.first_piece = static_cast<uint32_t>(first);
    if (end == pieces.size()) return input;
    first += step;
  }
}

}  // namespace elm
