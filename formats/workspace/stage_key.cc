#include "formats/workspace/stage_key.h"

#include <cstddef>

namespace elm {
namespace {

// Eight bytes, little-endian whatever the machine.
std::string EncodedLength(uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i));
  return bytes;
}

}  // namespace

StageKey& StageKey::Add(std::string_view name, std::string_view value) {
  hash_.Update(EncodedLength(name.size()));
  hash_.Update(name);
  hash_.Update(EncodedLength(value.size()));
  hash_.Update(value);
  return *this;
}

StageKey& StageKey::Add(std::string_view name, uint64_t value) {
  return Add(name, std::to_string(value));
}

}  // namespace elm
