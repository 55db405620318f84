// Reads and appends plain little-endian values at any address.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace elm {

static_assert(std::endian::native == std::endian::little,
              "a bundle is read and written in place, as little-endian");

// The value that begins at byte `offset`, which must lie inside.
template <typename T>
T ReadAt(std::span<const std::byte> bytes, uint64_t offset) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// Walks forward over bytes whose number was checked before.
class ByteCursor {
 public:
  explicit ByteCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T>
  T Next() {
    const T value = ReadAt<T>(bytes_, offset_);
    offset_ += sizeof(T);
    return value;
  }
  uint64_t offset() const { return offset_; }

 private:
  std::span<const std::byte> bytes_;
  uint64_t offset_ = 0;
};

template <typename T>
void Append(const T& value, std::vector<std::byte>& bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  const size_t end = bytes.size();
  bytes.resize(end + sizeof value);
  std::memcpy(bytes.data() + end, &value, sizeof value);
}

inline std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline bool AllZero(std::span<const std::byte> bytes) {
  static constexpr std::array<std::byte, 4096> kZeros{};
  while (!bytes.empty()) {
    const size_t size = std::min(kZeros.size(), bytes.size());
    if (std::memcmp(bytes.data(), kZeros.data(), size) != 0) return false;
    bytes = bytes.subspan(size);
  }
  return true;
}

}  // namespace elm
