#include "formats/base/printable.h"

namespace elm {
namespace {

constexpr size_t kLongest = 80;
constexpr char kHexDigits[] = "0123456789abcdef";

}  // namespace

std::string Printable(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      quoted += c;
    } else {
      quoted += {'\\', 'x', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
    }
  }
  if (text.size() > kLongest) quoted += "...";
  return quoted + '"';
}

}  // namespace elm
