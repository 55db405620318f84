// A tokenizer of unknown origin: loading it and using it must not crash, whatever its bytes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/include/elm/elm.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto tokenizer = elm::Tokenizer::Load({reinterpret_cast<const char*>(data), size});
  if (!tokenizer.ok()) return 0;
  const auto ids = (*tokenizer)->Encode("the caf\xc3\xa9 \xe2\x85\xa7 x\xff 12\n");
  static_cast<void>((*tokenizer)->Decode(ids));
  for (const uint32_t id : ids) static_cast<void>((*tokenizer)->Piece(id));
  return 0;
}
