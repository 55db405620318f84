// A block of float32 that is not initialised: its pages cost memory only once they are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <optional>

#include "formats/base/checked_math.h"
#include "formats/base/status.h"

namespace elm {

using Floats = std::unique_ptr<float[]>;

// The product of `extents` floats, or kOutOfMemory with the amount and what it is for.
inline Result<Floats> AllocateFloats(std::span<const uint64_t> extents, const char* purpose) {
  constexpr uint64_t kMost = std::numeric_limits<ptrdiff_t>::max() / sizeof(float);
  const std::optional<uint64_t> count = CheckedProduct(extents);
  if (!count || *count > kMost) {
    return Status(StatusCode::kOutOfMemory, StrCat("the ", purpose, " exceeds the address space"));
  }
  Floats floats(new (std::nothrow) float[*count]);
  if (floats != nullptr) return floats;
  return Status(StatusCode::kOutOfMemory,
                StrCat("the ", purpose, " needs ", *count * sizeof(float) >> 20, " MiB"));
}

}  // namespace elm
