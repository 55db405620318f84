// BERT's WordPiece tokenizer (Devlin et al. 2019; Wu et al. 2016): text is cleaned, lower-cased and
// stripped of accents where the vocabulary is "uncased", split at blanks, punctuation and Chinese
// characters, and each word is cut greedily into the longest pieces of the vocabulary.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "formats/base/status.h"

namespace elm {

// Bytes [begin, end) of a text.
struct TextSpan {
  uint32_t begin = 0;
  uint32_t end = 0;

  bool operator==(const TextSpan&) const = default;
};

struct WordPieces {
  std::vector<uint32_t> ids;
  // Per piece the bytes of the word that it is a part of, combining marks included; removed
  // characters at a word's edges are not. Punctuation marks and ideographs are words.
  std::vector<TextSpan> spans;
};

class WordPieceTokenizer {
 public:
  // `vocabulary`: one piece per line, the line's number is its id. It must outlive the tokenizer,
  // whose pieces are views into it. Fails when a piece of kTlmSpecialPieces is missing or a piece
  // stands twice.
  static Result<WordPieceTokenizer> Load(std::string_view vocabulary, bool lower_case);

  // Takes the text literally: a written "[SEP]" is three pieces. Invalid UTF-8 is dropped like
  // control characters. `text` is below 4 GiB. Without lower_case characters are taken as they are:
  // Hugging Face would compose what is written with combining marks.
  WordPieces Encode(std::string_view text) const;

  uint32_t size() const;
  std::string_view piece(uint32_t id) const;
  uint32_t unknown_id() const;
  uint32_t cls_id() const;
  uint32_t sep_id() const;
  uint32_t pad_id() const;
  uint32_t mask_id() const;

 private:
  struct Table;
  class Encoder;
  explicit WordPieceTokenizer(std::shared_ptr<const Table> table);

  std::shared_ptr<const Table> table_;
};

}  // namespace elm
