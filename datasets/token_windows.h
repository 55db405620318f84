// Calibration and evaluation text as windows of token ids.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/status.h"

namespace elm {

struct TokenWindows {
  uint32_t length = 0;        // tokens per window
  std::vector<uint32_t> ids;  // [count, length]

  size_t count() const { return length == 0 ? 0 : ids.size() / length; }
  std::span<const uint32_t> row(size_t index) const {
    return std::span(ids).subspan(index * length, length);
  }
};

struct WindowOptions {
  uint32_t length = 129;  // 128 predictions each
  size_t max_windows =
      64;               // fewer when the text is shorter; windows are spread evenly over the text
  bool add_bos = true;  // each window begins with `bos_id` and holds length - 1 tokens of text
  uint32_t bos_id = 1;
};

using EncodeText = std::function<std::vector<uint32_t>(std::string_view)>;

// Cuts `text` (valid UTF-8) into windows that are spread evenly over it and do not overlap.
//
// A line "<|endoftext|>" separates documents; no window crosses it. The first window of a document
// begins at its start. A further one begins where a reader would begin: at the start of a line, or
// of a word where the line goes on for longer than about a window; white space at its start is
// skipped. Its tokens are the first ones of encode(text from
// there on), so the text after BOS is tokenised as a prompt would be. Window i is the first that
// fits in or after the document at the fraction i / max_windows of the bytes and behind window
// i - 1; a text with room for fewer gives fewer.
//
// Only the text of the windows is encoded, so a large corpus costs no more than a small one. Fails
// when no document holds a window. `name` says in messages what the text is.
Result<TokenWindows> CutTextWindows(std::string_view text, const std::string& name,
                                    const EncodeText& encode, const WindowOptions& options);

// Reads a UTF-8 text file and cuts it into documents and windows. Errors name the file and what to
// do: empty, not UTF-8 (with the byte offset), shorter than one window (with both lengths in
// tokens).
Result<TokenWindows> ReadTextWindows(const std::string& path, const EncodeText& encode,
                                     const WindowOptions& options);

// Entropy in nats per token of the windows' own token frequencies, predicted tokens only: what a
// model that knows nothing but frequencies would lose. A model whose loss is higher does not belong
// to this tokenizer or language.
double UnigramEntropy(const TokenWindows& windows);

}  // namespace elm
