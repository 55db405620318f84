#include "toolchain/eval/hash_text.h"

#include <array>
#include <cinttypes>
#include <cstdio>

#include "formats/base/hash.h"
#include "formats/base/mapped_file.h"
#include "toolchain/base/error.h"

namespace elm {

std::string HashText(uint64_t hash) {
  std::array<char, 24> text;
  std::snprintf(text.data(), text.size(), "xxh3:%016" PRIx64, hash);
  return text.data();
}

std::string HashFiles(const std::vector<std::string>& paths) {
  Hasher64 hasher;
  for (const std::string& path : paths) {
    const auto file = ValueOrThrow(MappedFile::Open(path, MappedFile::Access::kSequential));
    hasher.Update(file.bytes());
  }
  return HashText(hasher.Digest());
}

}  // namespace elm
