#include "toolchain/tlm/wordpiece_vocabulary.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "formats/base/utf8.h"
#include "runtime/tlm/wordpiece.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

constexpr std::string_view kInside = "##";

std::string JoinLines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::vector<std::string> SpecialPieces() {
  return {std::begin(kTlmSpecialPieces), std::end(kTlmSpecialPieces)};
}

// The characters of a text, each once, and of ASCII letters both cases.
void CollectCharacters(std::string_view text, std::set<std::string>& characters) {
  for (size_t i = 0; i < text.size();) {
    size_t length = 1;
    while (i + length < text.size() &&
           (static_cast<unsigned char>(text[i + length]) & 0xC0) == 0x80) {
      ++length;
    }
    std::string character(text.substr(i, length));
    i += length;
    if (character.size() == 1 && static_cast<unsigned char>(character[0]) <= ' ') continue;
    if (FindInvalidUtf8(character)) continue;
    characters.insert(std::move(character));
  }
}

// How often each word occurs, by a tokenizer that knows nothing but characters.
class WordCounter {
 public:
  WordCounter(const std::set<std::string>& characters, bool lower_case) {
    std::vector<std::string> pieces = SpecialPieces();
    for (const std::string& character : characters) {
      pieces.push_back(character);
      pieces.push_back(std::string(kInside) + character);
    }
    vocabulary_ = JoinLines(pieces);
    auto loaded = WordPieceTokenizer::Load(vocabulary_, lower_case);
    ThrowIfError(loaded.status());
    tokenizer_.emplace(std::move(loaded).value());
  }

  void Add(std::string_view text) {
    std::vector<std::string> word;
    for (const uint32_t id : tokenizer_->Encode(text).ids) {
      const std::string piece(tokenizer_->piece(id));
      if (!piece.starts_with(kInside) || piece.size() == kInside.size()) Flush(word);
      if (id != tokenizer_->unknown_id()) word.push_back(piece);
    }
    Flush(word);
  }

  // Words as lists of one-character pieces, in the order of their text.
  const std::map<std::vector<std::string>, uint64_t>& counts() const { return counts_; }

 private:
  void Flush(std::vector<std::string>& word) {
    if (!word.empty()) ++counts_[word];
    word.clear();
  }

  std::string vocabulary_;
  std::optional<WordPieceTokenizer> tokenizer_;
  std::map<std::vector<std::string>, uint64_t> counts_;
};

struct Word {
  std::vector<uint32_t> pieces;
  uint64_t count = 0;
};

// Byte-pair encoding over words, with the places of every pair kept up to date.
class Merger {
 public:
  explicit Merger(const std::map<std::vector<std::string>, uint64_t>& counts) {
    for (const auto& [text, count] : counts) {
      Word word{{}, count};
      for (const std::string& piece : text) word.pieces.push_back(IdOf(piece));
      words_.push_back(std::move(word));
    }
    for (size_t i = 0; i < words_.size(); ++i) Count(i, /*sign=*/1);
  }

  // The piece of the most frequent pair, or nothing when none occurs `least` times.
  std::string MergeNext(uint64_t least) {
    const Pair* best = nullptr;
    int64_t best_count = 0;
    std::string best_text;
    for (const auto& [pair, count] : counts_) {
      if (count < best_count || count < static_cast<int64_t>(least)) continue;
      std::string text = Joined(pair);
      if (count > best_count || text < best_text) {
        best = &pair;
        best_count = count;
        best_text = std::move(text);
      }
    }
    if (best == nullptr) return "";
    const Pair merged = *best;
    const uint32_t id = IdOf(best_text);
    const std::set<size_t> places = places_[merged];
    for (const size_t place : places) Merge(place, merged, id);
    return best_text;
  }

 private:
  using Pair = std::pair<uint32_t, uint32_t>;

  uint32_t IdOf(const std::string& piece) {
    const auto [found, fresh] = ids_.try_emplace(piece, static_cast<uint32_t>(pieces_.size()));
    if (fresh) pieces_.push_back(piece);
    return found->second;
  }

  std::string Joined(const Pair& pair) const {
    return pieces_[pair.first] + pieces_[pair.second].substr(kInside.size());
  }

  void Count(size_t index, int64_t sign) {
    const Word& word = words_[index];
    for (size_t i = 0; i + 1 < word.pieces.size(); ++i) {
      const Pair pair(word.pieces[i], word.pieces[i + 1]);
      int64_t& count = counts_[pair];
      count += sign * static_cast<int64_t>(word.count);
      if (sign > 0) {
        places_[pair].insert(index);
      } else if (count == 0) {
        counts_.erase(pair);
      }
    }
  }

  void Merge(size_t index, const Pair& pair, uint32_t id) {
    Count(index, /*sign=*/-1);
    std::vector<uint32_t> merged;
    const std::vector<uint32_t>& pieces = words_[index].pieces;
    for (size_t i = 0; i < pieces.size(); ++i) {
      const bool here =
          i + 1 < pieces.size() && pieces[i] == pair.first && pieces[i + 1] == pair.second;
      merged.push_back(here ? id : pieces[i]);
      if (here) ++i;
    }
    words_[index].pieces = std::move(merged);
    Count(index, /*sign=*/1);
  }

  std::vector<std::string> pieces_;
  std::unordered_map<std::string, uint32_t> ids_;
  std::vector<Word> words_;
  std::map<Pair, int64_t> counts_;
  std::map<Pair, std::set<size_t>> places_;  // words that hold the pair, or once did
};

}  // namespace

std::string BuildWordPieceVocabulary(const NextText& next, const VocabularyOptions& options) {
  std::vector<std::string> texts;
  std::set<std::string> characters;
  for (char letter = 'a'; letter <= 'z'; ++letter) characters.insert(std::string(1, letter));
  for (std::string text; next(text);) {
    CollectCharacters(text, characters);
    texts.push_back(text);
  }
  WordCounter counter(characters, options.lower_case);
  for (const std::string& text : texts) counter.Add(text);

  std::set<std::string> seen;
  for (const auto& [word, count] : counter.counts()) seen.insert(word.begin(), word.end());
  std::vector<std::string> pieces = SpecialPieces();
  pieces.insert(pieces.end(), seen.begin(), seen.end());
  const size_t slo_tokens = options.ttft_permille.size() + options.tpot_permille.size();
  if (pieces.size() + slo_tokens > options.size) {
    throw Error(InvalidArgument("a vocabulary of ", options.size, " pieces has no room for ",
                                pieces.size(), " special pieces and characters and ", slo_tokens,
                                " SLO tokens"));
  }
  std::set<std::string> known(pieces.begin(), pieces.end());
  Merger merger(counter.counts());
  while (pieces.size() + slo_tokens < options.size) {
    const std::string piece = merger.MergeNext(options.least_count);
    if (piece.empty()) break;
    if (known.insert(piece).second) pieces.push_back(piece);
  }
  for (const uint32_t permille : options.ttft_permille) pieces.push_back(TtftPiece(permille));
  for (const uint32_t permille : options.tpot_permille) pieces.push_back(TpotPiece(permille));
  return JoinLines(pieces);
}

}  // namespace elm
