// Makes a WordPiece vocabulary from text, for tiny LMs that are trained from nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "formats/model/tlm_settings.h"

namespace elm {

struct VocabularyOptions {
  uint32_t size = 2048;  // pieces in all, special pieces and SLO tokens included
  bool lower_case = true;
  std::vector<uint32_t> ttft_permille = {};
  std::vector<uint32_t> tpot_permille = {};
  uint64_t least_count = 2;  // a merge that occurs less often is not worth a row
};

// Texts one after the other; false at the end.
using NextText = std::function<bool(std::string& text)>;

// One piece per line: the special pieces, every character of the text as the beginning of a word
// and, behind "##", inside one, then pieces that arise by merging the most frequent pair of
// neighbours inside words, over and over (byte-pair encoding: Sennrich, Haddow and Birch 2016; of
// equally frequent pairs the one that sorts first), and the SLO tokens last. Fewer than `size` when
// the text gives no more. Words are cut as the runtime's tokenizer cuts them, because it cuts them
// here, too. The same text gives the same vocabulary. Throws elm::Error when `size` has no room for
// characters and SLO tokens.
std::string BuildWordPieceVocabulary(const NextText& next, const VocabularyOptions& options);

}  // namespace elm
