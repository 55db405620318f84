// What a tiny LM reads, the same in training and in use:
//
//   [CLS] [ttft] <tpot> question [SEP] context window
//
// A long context is cut into overlapping windows that all carry the header; nothing is truncated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "formats/model/tlm_settings.h"
#include "runtime/tlm/wordpiece.h"

namespace elm {

struct TlmQuestion {
  std::string_view question;
  std::string_view context;  // all context parts, joined with '\n'
  double ttft = 1;           // the SLO, as shares of the full latency
  double tpot = 1;
};

// One window, without any padding. Token types are 0 before `header` and 1 from there on.
struct TlmWindow {
  std::vector<uint32_t> ids;  // at most config.positions
  uint32_t header = 0;        // positions up to and including [SEP]
  uint32_t first_piece = 0;   // the context's piece at position `header`
};

// The pieces of a context and the windows over them. Positions header + i of a window hold piece
// first_piece + i of the context.
struct TlmInput {
  WordPieces context;
  std::vector<TlmWindow> windows;  // at least one; only an empty context has a bare header
};

// A question longer than a third of the window is cut from the front, its end kept. Windows are
// full but for a context that one window holds; neighbours share at least window_overlap pieces
// (less where the window is too small to move on), the last one ends with the context.
// `settings` must be valid and the tokenizer its vocabulary's.
TlmInput MakeTlmInput(const TlmSettings& settings, const WordPieceTokenizer& tokenizer,
                      const TlmQuestion& question);

}  // namespace elm
