#include "formats/workspace/guard_block.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "formats/base/hash.h"

namespace elm {
namespace {

// A byte above 127 first and a line end at the close, as in PNG: text tools and text transfers are
// noticed.
constexpr std::array<uint8_t, 8> kMagic = {0x89, 'E', 'L', 'M', 'W', 'S', '\r', '\n'};
constexpr uint32_t kGuardVersion = 1;

struct Guard {
  std::array<uint8_t, 8> magic = kMagic;
  uint32_t version = kGuardVersion;
  uint32_t reserved = 0;
  uint64_t file_size = 0;
  uint64_t hash = 0;
};
static_assert(sizeof(Guard) == 32);

uint64_t HashFile(const Guard& guard, std::span<const std::byte> after_guard) {
  Guard without_hash = guard;
  without_hash.hash = 0;
  Hasher64 hasher;
  hasher.Update(std::as_bytes(std::span(&without_hash, 1)));
  hasher.Update(after_guard);
  return hasher.Digest();
}

std::string Hex(uint64_t value) {
  std::ostringstream out;
  out << std::hex << value;
  return std::move(out).str();
}

}  // namespace

void SetGuardBlock(std::span<std::byte> file) {
  std::fill_n(file.begin(), kGuardBlockSize, std::byte{0});
  Guard guard;
  guard.file_size = file.size();
  guard.hash = HashFile(guard, file.subspan(sizeof guard));
  std::memcpy(file.data(), &guard, sizeof guard);
}

Status CheckGuardBlock(const std::string& path, std::span<const std::byte> file) {
  Guard guard;
  if (file.size() < kGuardBlockSize) {
    return Corruption(path, ": has ", file.size(), " bytes, a workspace file has at least ",
                      kGuardBlockSize);
  }
  std::memcpy(&guard, file.data(), sizeof guard);
  if (guard.magic != kMagic) {
    return Corruption(path, ": is not a workspace file: it does not begin with the magic bytes");
  }
  if (guard.version != kGuardVersion) {
    return Unsupported(path, ": guard block has version ", guard.version,
                       ", this program reads version ", kGuardVersion);
  }
  if (guard.file_size != file.size()) {
    return Corruption(path, ": has ", file.size(), " bytes, expected ", guard.file_size,
                      "; remove it and run the stage again");
  }
  const uint64_t hash = HashFile(guard, file.subspan(sizeof guard));
  if (hash != guard.hash) {
    return Corruption(path, ": XXH3 is ", Hex(hash), ", expected ", Hex(guard.hash),
                      "; the file is damaged, remove it and run the stage again");
  }
  return Status::Ok();
}

}  // namespace elm
