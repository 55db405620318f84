#include <utility>

#include "runtime/engine/charsmap_check.h"
#include "runtime/engine/sentence_pieces.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {
namespace {

constexpr std::string_view kSpaceSymbol = "\xe2\x96\x81";  // U+2581, how a piece spells a space

std::string WithSpaces(std::string_view piece) {
  std::string text;
  while (true) {
    const size_t at = piece.find(kSpaceSymbol);
    text += piece.substr(0, at);
    if (at == std::string_view::npos) return text;
    text += ' ';
    piece.remove_prefix(at + kSpaceSymbol.size());
  }
}

int HexDigit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

// A byte piece is spelled "<0x0A>"; loading has checked that.
std::string ByteOf(std::string_view piece) {
  if (piece.size() != 6) return {};
  const int high = HexDigit(piece[3]);
  const int low = HexDigit(piece[4]);
  if (high < 0 || low < 0) return {};
  return std::string(1, static_cast<char>(high * 16 + low));
}

// The library prefixes its own checks with "./src/file.cc(123) [condition] ", and often says
// nothing more.
Status Refusal(std::string_view reason) {
  if (reason.starts_with('.')) {
    const size_t end = reason.find("] ");
    reason.remove_prefix(end == std::string_view::npos ? reason.size() : end + 2);
  }
  const std::string_view separator = reason.empty() ? "" : ": ";
  return Corruption("tokenizer: not a SentencePiece model", separator, reason);
}

uint32_t IdOrNone(int id) { return id < 0 ? layout::kNoToken : static_cast<uint32_t>(id); }

}  // namespace

struct Tokenizer::Impl {
  std::unique_ptr<SentencePieces> pieces;
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;

Result<std::unique_ptr<const Tokenizer>> Tokenizer::Load(std::string_view model) {
  const Status charsmaps = CheckCharsmaps(model);
  if (!charsmaps.ok()) return Refusal(charsmaps.message());
  auto impl = std::make_unique<Impl>();
  impl->pieces = NewSentencePieces();
  if (impl->pieces == nullptr) return Internal("tokenizer: the SentencePiece library is missing");
  const std::string refused = impl->pieces->Load(model);
  if (!refused.empty()) return Refusal(refused);
  return std::unique_ptr<const Tokenizer>(new Tokenizer(std::move(impl)));
}

std::vector<uint32_t> Tokenizer::Encode(std::string_view text) const {
  const std::vector<int> ids = impl_->pieces->Encode(text);
  return {ids.begin(), ids.end()};
}

std::string Tokenizer::Decode(std::span<const uint32_t> ids) const {
  std::vector<int> known;
  known.reserve(ids.size());
  for (const uint32_t id : ids) {
    if (id < size()) known.push_back(static_cast<int>(id));
  }
  return impl_->pieces->Decode(known);
}

std::string Tokenizer::Piece(uint32_t id) const {
  if (id >= size()) return {};
  const int piece_id = static_cast<int>(id);
  switch (impl_->pieces->KindOf(piece_id)) {
    case SentencePieces::Kind::kControl:
      return {};
    case SentencePieces::Kind::kUnknown:
      return impl_->pieces->Decode({piece_id});  // the model file says what it looks like
    case SentencePieces::Kind::kByte:
      return ByteOf(impl_->pieces->PieceOf(piece_id));
    case SentencePieces::Kind::kNormal:
      return WithSpaces(impl_->pieces->PieceOf(piece_id));
  }
  return {};
}

uint32_t Tokenizer::size() const { return static_cast<uint32_t>(impl_->pieces->size()); }
uint32_t Tokenizer::bos_id() const { return IdOrNone(impl_->pieces->bos_id()); }
uint32_t Tokenizer::eos_id() const { return IdOrNone(impl_->pieces->eos_id()); }

}  // namespace elm
