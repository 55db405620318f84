// A block of numbers on a cache line of its own, not initialised: its pages cost memory only once
// they are written.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

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
    return Status(StatusCode::kOutOfMemory,
                  StrCat("the ", purpose, " needs ", bytes >> 20, " MiB"));
  }

  // Gives the whole pages among the numbers [begin, end) back to the system. They are undefined
  // until they are written again.
  void Discard(size_t begin, size_t end) {
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto first = AlignUp(reinterpret_cast<uintptr_t>(data_.get() + begin), page);
    const auto last = reinterpret_cast<uintptr_t>(data_.get() + end) / page * page;
    if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  }
  void Discard() { Discard(0, size_); }

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
