// A SentencePiece model made by hand, so that tests need no file of others' making: BPE with byte
// fallback over lower-case letters and a few merges.
#pragma once

#include <bit>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace elm::testing {

// The few shapes of protocol buffer fields that sentencepiece_model.proto needs.
class ProtoWriter {
 public:
  void Number(uint32_t field, uint64_t value) {
    Varint(uint64_t{field} << 3);
    Varint(value);
  }
  void Float(uint32_t field, float value) {
    Varint(uint64_t{field} << 3 | 5);
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes_ += static_cast<char>(bits >> shift);
  }
  void Bytes(uint32_t field, std::string_view value) {
    Varint(uint64_t{field} << 3 | 2);
    Varint(value.size());
    bytes_ += value;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

enum class PieceType { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kByte = 6 };

struct TinyPiece {
  std::string text;
  PieceType type = PieceType::kNormal;
};

// Ids 0 <unk>, 1 <s>, 2 </s>, 3 to 258 the bytes, then what follows here.
inline constexpr uint32_t kFirstBytePiece = 3;
inline constexpr uint32_t kSpacePiece = 259;

inline std::vector<TinyPiece> TinyPieces() {
  std::vector<TinyPiece> pieces = {
      {"<unk>", PieceType::kUnknown}, {"<s>", PieceType::kControl}, {"</s>", PieceType::kControl}};
  for (int byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof(text), "<0x%02X>", byte);
    pieces.push_back({text, PieceType::kByte});
  }
  pieces.push_back({"\xe2\x96\x81"});  // a space
  for (char letter = 'a'; letter <= 'z'; ++letter) pieces.push_back({std::string(1, letter)});
  for (const char* merge : {"\xe2\x96\x81t", "he", "\xe2\x96\x81the", "an",
                            "\xe2\x96\x81"
                            "an"}) {
    pieces.push_back({merge});
  }
  pieces.push_back({"[call]", PieceType::kUserDefined});
  return pieces;
}

inline std::string SerialiseTokenizer(const std::vector<TinyPiece>& pieces) {
  ProtoWriter model;
  for (size_t i = 0; i < pieces.size(); ++i) {
    ProtoWriter piece;
    piece.Bytes(1, pieces[i].text);
    piece.Float(2, -static_cast<float>(i));
    piece.Number(3, static_cast<uint64_t>(pieces[i].type));
    model.Bytes(1, piece.bytes());
  }
  ProtoWriter trainer;
  trainer.Number(3, 2);   // model_type: BPE
  trainer.Number(35, 1);  // byte_fallback
  model.Bytes(2, trainer.bytes());
  ProtoWriter normalizer;
  normalizer.Bytes(1, "identity");
  normalizer.Number(4, 0);  // remove_extra_whitespaces
  model.Bytes(3, normalizer.bytes());
  return model.bytes();
}

inline std::string TinyTokenizerModel() { return SerialiseTokenizer(TinyPieces()); }

}  // namespace elm::testing
