// The few calls of the SentencePiece library that the engine makes, behind an interface.
//
// Why not the library itself: Debian's build of it carries and exports an old protobuf, LibTorch
// needs a newer one, and in one process the two take each other's functions for their own. So a
// program chooses where SentencePieces come from by what it links: `runtime_sentencepiece` links
// the library (the runtime), `toolchain_sentencepiece` loads it apart from everything else (elmc).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace elm {

// Const methods are thread-safe. Ids must be below size().
class SentencePieces {
 public:
  enum class Kind { kNormal, kControl, kUnknown, kByte };

  virtual ~SentencePieces() = default;

  // Takes a serialised model. Returns the library's own words when it refuses, else an empty
  // string.
  virtual std::string Load(std::string_view model) = 0;

  virtual std::vector<int> Encode(std::string_view text) const = 0;
  virtual std::string Decode(const std::vector<int>& ids) const = 0;
  virtual std::string PieceOf(int id) const = 0;
  virtual Kind KindOf(int id) const = 0;
  virtual int size() const = 0;
  virtual int bos_id() const = 0;  // negative where there is none
  virtual int eos_id() const = 0;
};

// Null when the library cannot be had (a broken installation of the toolchain).
std::unique_ptr<SentencePieces> NewSentencePieces();

}  // namespace elm
