// Reads little-endian fields of an untrusted file in order.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "formats/base/checked_math.h"
#include "formats/base/status.h"

namespace elm {

static_assert(std::endian::native == std::endian::little,
              "weights and fields are read as they lie in little-endian files");

// Every read checks that its bytes are there; the message names field and offset. Does not own the
// bytes.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t position() const { return position_; }
  uint64_t remaining() const { return bytes_.size() - position_; }

  template <typename T>
  Result<T> Read(std::string_view field) {
    ELM_RETURN_IF_ERROR(CheckRemaining(field, sizeof(T)));
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof value);
    position_ += sizeof value;
    return value;
  }

  // A view of the next `size` bytes.
  Result<std::string_view> ReadText(std::string_view field, uint64_t size);
  Status Skip(std::string_view field, uint64_t size);

 private:
  Status CheckRemaining(std::string_view field, uint64_t size) const;

  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;
};

}  // namespace elm
