// A block of numbers on a cache line of its own, not initialised: its pages cost memory only once
// they are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>

#include "formats/base/checked_math.h"
#include "formats/base/status.h"

namespace elm {

template <typename T>
class AlignedBuffer {
 public:
  AlignedBuffer() = default;

  // Room for the product of `extents` numbers, or kOutOfMemory with the amount and what it is for.
  static Result<AlignedBuffer> Create(std::initializer_list<uint64_t> extents,
                                      const char* purpose) {
    constexpr uint64_t kMost = std::numeric_limits<ptrdiff_t>::max() / sizeof(T) - kAlignment;
    const auto count = CheckedProduct(std::span(extents.begin(), extents.size()));
    if (!count || *count > kMost) {
      return Status(StatusCode::kOutOfMemory,
                    StrCat("the ", purpose, " exceeds the address space"));
    }
    AlignedBuffer buffer;
    const uint64_t bytes = AlignUp(*count * sizeof(T) + 1, kAlignment);
    buffer.data_.reset(static_cast<T*>(std::aligned_alloc(kAlignment, bytes)));
    buffer.size_ = *count;
    if (buffer.data_ != nullptr) return buffer;
    return Status(StatusCode::kOutOfMemory, StrCat("the ", purpose, " needs ", bytes >> 20, " MiB"));
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  size_t size() const { return size_; }
  size_t bytes() const { return size_ * sizeof(T); }

 private:
  static constexpr size_t kAlignment = 64;
  struct Free {
    void operator()(T* data) const { std::free(data); }
  };

  std::unique_ptr<T[], Free> data_;
  size_t size_ = 0;
};

}  // namespace elm
