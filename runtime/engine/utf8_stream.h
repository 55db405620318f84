// Turns bytes that arrive token by token into whole characters.
#pragma once

#include <string>
#include <string_view>

namespace elm {

// What comes out is always valid UTF-8: bytes of a character that is still incomplete are held back
// until it is complete, and bytes that can no longer become a character are replaced by U+FFFD, one
// for each. What is still incomplete when the text ends is dropped: the text was cut inside a
// character.
class Utf8Stream {
 public:
  // The characters that `bytes` completes; valid until the next call.
  std::string_view Push(std::string_view bytes);

 private:
  std::string pending_;
  std::string complete_;
};

}  // namespace elm
