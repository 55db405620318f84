#include "runtime/tlm/wordpiece.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "formats/base/hash.h"
#include "formats/base/utf8.h"
#include "formats/model/tlm_settings.h"
#include "runtime/tlm/unicode.h"

namespace elm {

// Pieces by id, and a hash table from piece to id.
struct WordPieceTokenizer::Table {
  static constexpr uint32_t kNone = 0xffffffff;

  bool lower_case = true;
  std::array<uint8_t, 128> ascii_flags;
  std::vector<std::string_view> pieces;
  std::vector<uint32_t> slots;  // ids; a power of two of them, at most half of them taken
  size_t longest_piece = 0;     // bytes
  uint32_t unknown = 0;
  uint32_t cls = 0;
  uint32_t sep = 0;
  uint32_t pad = 0;
  uint32_t mask = 0;

  // The slot that holds `piece`, or the free one where it belongs.
  size_t SlotOf(std::string_view piece) const {
    size_t slot = Hash64(std::as_bytes(std::span(piece))) & (slots.size() - 1);
    while (slots[slot] != kNone && pieces[slots[slot]] != piece) {
      slot = (slot + 1) & (slots.size() - 1);
    }
    return slot;
  }
  uint32_t Find(std::string_view piece) const { return slots[SlotOf(piece)]; }

  // FlagsOfCharacter(), without its search for the most common ones.
  uint8_t FlagsOf(char32_t code) const {
    return code < ascii_flags.size() ? ascii_flags[code] : FlagsOfCharacter(code);
  }

  Status Fill(std::string_view vocabulary);
};

Status WordPieceTokenizer::Table::Fill(std::string_view vocabulary) {
  for (char32_t code = 0; code < ascii_flags.size(); ++code) {
    ascii_flags[code] = FlagsOfCharacter(code);
  }
  while (!vocabulary.empty()) {
    const size_t end = std::min(vocabulary.find('\n'), vocabulary.size());
    pieces.push_back(vocabulary.substr(0, end));
    longest_piece = std::max(longest_piece, end);
    vocabulary.remove_prefix(std::min(end + 1, vocabulary.size()));
  }
  size_t count = 2;
  while (count < 2 * pieces.size()) count *= 2;
  slots.assign(count, kNone);
  for (size_t id = 0; id < pieces.size(); ++id) {
    uint32_t& slot = slots[SlotOf(pieces[id])];
    if (slot != kNone) {
      return Corruption("vocabulary: line ", id + 1, " is \"", pieces[id], "\", as line ", slot + 1,
                        " is");
    }
    slot = static_cast<uint32_t>(id);
  }
  uint32_t* const special[] = {&pad, &unknown, &cls, &sep, &mask};
  static_assert(std::size(special) == std::size(kTlmSpecialPieces));
  for (size_t i = 0; i < std::size(special); ++i) {
    *special[i] = Find(kTlmSpecialPieces[i]);
    if (*special[i] == kNone) {
      return Corruption("vocabulary: ", kTlmSpecialPieces[i], " is missing");
    }
  }
  return Status::Ok();
}

namespace {

constexpr char32_t kCapitalSigma = 0x3A3;
constexpr char32_t kFinalSigma = 0x3C2;

// Longer words are unknown.
constexpr size_t kLongestWord = 100;  // characters

// Whether the letters behind byte `offset` go on: what decides between the two small sigmas.
bool WordGoesOn(std::string_view text, size_t offset) {
  while (offset < text.size()) {
    const Utf8Character character = DecodeUtf8(text, offset);
    offset += character.size;
    if (!character.valid) continue;
    const uint8_t flags = FlagsOfCharacter(character.code);
    if ((flags & kBlank) != 0) return false;
    if ((flags & (kRemoved | kCaseIgnorable)) == 0) return (flags & kCased) != 0;
  }
  return false;
}

}  // namespace

// Walks through a text once. Words are collected in their folded form.
class WordPieceTokenizer::Encoder {
 public:
  Encoder(const Table& table, std::string_view text) : table_(table), text_(text) {}

  WordPieces Run() && {
    size_t offset = 0;
    while (offset < text_.size()) {
      const Utf8Character character = DecodeUtf8(text_, offset);
      span_ = {static_cast<uint32_t>(offset), static_cast<uint32_t>(offset + character.size)};
      offset += character.size;
      if (character.valid) Add(character.code);
    }
    EndWord();
    return std::move(pieces_);
  }

 private:
  void Add(char32_t code) {
    const uint8_t flags = table_.FlagsOf(code);
    if ((flags & kRemoved) != 0) return;
    if ((flags & kBlank) != 0) return EndRun();
    if ((flags & kIdeograph) != 0) {
      EndRun();
      AddFolded(code);
      return EndRun();
    }
    if (table_.lower_case && (flags & kMark) != 0) {
      AddMark();
    } else {
      AddFolded(code);
    }
    if ((flags & kCaseIgnorable) == 0) cased_before_ = (flags & kCased) != 0;
  }

  void AddFolded(char32_t code) {
    if (!table_.lower_case) return AddCharacter(code);
    if (code < 128) {
      AddCharacter(code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code);
    } else {
      char32_t folded[3];
      const size_t count = FoldCharacter(code, folded);
      if (code == kCapitalSigma && cased_before_ && !WordGoesOn(text_, span_.end)) {
        folded[0] = kFinalSigma;
      }
      for (size_t i = 0; i < count; ++i) AddCharacter(folded[i]);
    }
  }

  void AddCharacter(char32_t code) {
    if ((table_.FlagsOf(code) & kPunctuation) != 0) {
      EndWord();
      Extend(code);
      EndWord();
    } else {
      Extend(code);
    }
  }

  void Extend(char32_t code) {
    if (characters_ == 0) word_span_.begin = pending_mark_ ? pending_begin_ : span_.begin;
    pending_mark_ = false;
    word_span_.end = span_.end;
    // What is longer than any word that is looked up need not be kept.
    if (++characters_ <= kLongestWord) AppendUtf8(code, word_);
  }

  // A mark vanishes, but its bytes belong to the character that it stands over.
  void AddMark() {
    if (characters_ > 0) {
      word_span_.end = span_.end;
    } else if (run_pieces_ > 0) {
      for (size_t i = 0; i < run_pieces_; ++i) {
        pieces_.spans[pieces_.spans.size() - 1 - i].end = span_.end;
      }
    } else if (!pending_mark_) {
      pending_mark_ = true;
      pending_begin_ = span_.begin;
    }
  }

  // What follows is not joined to what came before.
  void EndRun() {
    EndWord();
    run_pieces_ = 0;
    pending_mark_ = false;
    cased_before_ = false;
  }

  void EndWord() {
    if (characters_ == 0) return;
    const size_t before = pieces_.ids.size();
    if (characters_ > kLongestWord || !CutWord()) {
      pieces_.ids.resize(before);
      pieces_.ids.push_back(table_.unknown);
    }
    run_pieces_ = pieces_.ids.size() - before;
    pieces_.spans.resize(pieces_.ids.size(), word_span_);
    word_.clear();
    characters_ = 0;
  }

  // The longest piece that the word begins with, then the longest "##" piece of the rest, ...;
  // false when there is none.
  bool CutWord() {
    size_t begin = 0;
    while (begin < word_.size()) {
      const std::string_view prefix = begin == 0 ? "" : "##";
      size_t length = std::min(word_.size() - begin, table_.longest_piece);
      uint32_t id = Table::kNone;
      for (; length > 0; --length) {
        candidate_.assign(prefix);
        candidate_.append(word_, begin, length);
        id = table_.Find(candidate_);
        if (id != Table::kNone) break;
      }
      if (id == Table::kNone) return false;
      pieces_.ids.push_back(id);
      begin += length;
    }
    return true;
  }

  const Table& table_;
  std::string_view text_;
  TextSpan span_;  // of the character that is being added
  WordPieces pieces_;

  std::string word_;  // folded
  size_t characters_ = 0;
  TextSpan word_span_;
  size_t run_pieces_ = 0;       // of the last word, where nothing but marks stands behind it
  bool pending_mark_ = false;   // marks with nothing before them
  uint32_t pending_begin_ = 0;  // where they begin
  bool cased_before_ = false;   // the last character that is not case-ignorable is a cased letter
  std::string candidate_;
};

Result<WordPieceTokenizer> WordPieceTokenizer::Load(std::string_view vocabulary, bool lower_case) {
  auto table = std::make_shared<Table>();
  table->lower_case = lower_case;
  ELM_RETURN_IF_ERROR(table->Fill(vocabulary));
  return WordPieceTokenizer(std::move(table));
}

WordPieceTokenizer::WordPieceTokenizer(std::shared_ptr<const Table> table)
    : table_(std::move(table)) {}

WordPieces WordPieceTokenizer::Encode(std::string_view text) const {
  return Encoder(*table_, text).Run();
}

uint32_t WordPieceTokenizer::size() const { return static_cast<uint32_t>(table_->pieces.size()); }
std::string_view WordPieceTokenizer::piece(uint32_t id) const { return table_->pieces[id]; }
uint32_t WordPieceTokenizer::unknown_id() const { return table_->unknown; }
uint32_t WordPieceTokenizer::cls_id() const { return table_->cls; }
uint32_t WordPieceTokenizer::sep_id() const { return table_->sep; }
uint32_t WordPieceTokenizer::pad_id() const { return table_->pad; }
uint32_t WordPieceTokenizer::mask_id() const { return table_->mask; }

}  // namespace elm
