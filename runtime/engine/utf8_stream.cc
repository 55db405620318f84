#include "runtime/engine/utf8_stream.h"

#include <optional>

#include "formats/base/utf8.h"

namespace elm {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

}  // namespace

std::string_view Utf8Stream::Push(std::string_view bytes) {
  pending_ += bytes;
  const size_t whole = CompleteUtf8Prefix(pending_);
  std::string_view rest(pending_.data(), whole);
  complete_.clear();
  while (const std::optional<size_t> bad = FindInvalidUtf8(rest)) {
    complete_ += rest.substr(0, *bad);
    complete_ += kReplacement;
    rest.remove_prefix(*bad + 1);
  }
  complete_ += rest;
  pending_.erase(0, whole);
  return complete_;
}

}  // namespace elm
