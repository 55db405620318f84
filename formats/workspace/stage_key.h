// The key of a stage: a hash of everything its output depends on. Equal keys mean that the stored
// output can be used again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "formats/workspace/sha256.h"

namespace elm {

class StageKey {
 public:
  // Name and value enter with their lengths, so that neighbours cannot run into each other. The
  // order of the calls matters.
  StageKey& Add(std::string_view name, std::string_view value);
  StageKey& Add(std::string_view name, uint64_t value);

  // 64 lower-case hexadecimal digits. Once: the object is spent afterwards.
  std::string Hex() { return hash_.HexDigest(); }

 private:
  Sha256 hash_;
};

}  // namespace elm
