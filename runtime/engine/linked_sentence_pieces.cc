// SentencePieces by the library itself.
#include <sentencepiece_processor.h>

#include <exception>

#include "runtime/engine/sentence_pieces.h"

namespace elm {
namespace {

class LinkedSentencePieces : public SentencePieces {
 public:
  std::string Load(std::string_view model) override {
    // The library reports most damage by its status and some (pieces that its index cannot hold) by
    // an exception.
    try {
      const auto status = processor_.LoadFromSerializedProto(model);
      return status.ok() ? std::string() : Reason(status.message());
    } catch (const std::exception& error) {
      return Reason(error.what());
    }
  }

  std::vector<int> Encode(std::string_view text) const override {
    return processor_.EncodeAsIds(text);
  }
  std::string Decode(const std::vector<int>& ids) const override {
    return processor_.DecodeIds(ids);
  }
  std::string PieceOf(int id) const override { return processor_.IdToPiece(id); }
  Kind KindOf(int id) const override {
    if (processor_.IsControl(id)) return Kind::kControl;
    if (processor_.IsUnknown(id)) return Kind::kUnknown;
    return processor_.IsByte(id) ? Kind::kByte : Kind::kNormal;
  }
  int size() const override { return processor_.GetPieceSize(); }
  int bos_id() const override { return processor_.bos_id(); }
  int eos_id() const override { return processor_.eos_id(); }

 private:
  static std::string Reason(std::string words) {
    return words.empty() ? std::string("no reason given") : words;
  }

  sentencepiece::SentencePieceProcessor processor_;
};

}  // namespace

std::unique_ptr<SentencePieces> NewSentencePieces() {
  return std::make_unique<LinkedSentencePieces>();
}

}  // namespace elm
