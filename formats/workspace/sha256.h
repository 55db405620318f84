// SHA-256, the fingerprint of a run's inputs and outputs (XXH3 finds damage; this one also names
// content).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "formats/base/status.h"

namespace elm {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(std::string_view bytes);
  // 64 lower-case hexadecimal digits of everything so far. Once: the object is spent afterwards.
  std::string HexDigest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Sha256OfString(std::string_view bytes);

// Reads the file in pieces.
Result<std::string> Sha256OfFile(const std::string& path);

}  // namespace elm
