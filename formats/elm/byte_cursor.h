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
  template <typename T>
  std::vector<T> List(size_t count) {
    std::vector<T> list(count);
    for (T& value : list) value = Next<T>();
    return list;
  }
  std::string_view Text(size_t size) {
    const auto text = AsText(bytes_.subspan(offset_, size));
    offset_ += size;
    return text;
  }
  // Moves on to byte `offset`; whether all bytes on the way are zero.
  bool SkipZeros(uint64_t offset) {
    const auto skipped = bytes_.subspan(offset_, offset - offset_);
    offset_ = offset;
    return AllZero(skipped);
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

template <typename T>
void AppendAll(const std::vector<T>& values, std::vector<std::byte>& bytes) {
  for (const T& value : values) Append(value, bytes);
}

inline void AppendText(std::string_view text, std::vector<std::byte>& bytes) {
  const auto view = std::as_bytes(std::span(text));
  bytes.insert(bytes.end(), view.begin(), view.end());
}

}  // namespace elm
