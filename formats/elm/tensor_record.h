// What the records of all tensors have in common: how one is stored, and where. For the reader.
#pragma once

#include <cstdint>

#include "formats/base/status.h"
#include "formats/elm/bundle.h"
#include "formats/elm/layout.h"

namespace elm {

template <typename Actual, typename Expected>
Status ExpectEqual(const char* field, Actual actual, Expected expected) {
  const auto wide = static_cast<uint64_t>(actual);
  if (wide == static_cast<uint64_t>(expected)) return Status::Ok();
  return Corruption(field, " is ", wide, ", expected ", static_cast<uint64_t>(expected));
}

// Where in its section a tensor must lie.
struct TensorPlace {
  uint64_t previous_end;  // bytes from the start of the section
  uint64_t section_size;
  const char* section;  // its name
};

// Checks every field of `record` (untrusted) but role and layer against what the tensor must be.
// Fills all but `bytes`; the offset counts from the start of the section.
Result<BundleStorage> ParseStorage(const layout::TensorRecord& record, uint64_t rows,
                                   uint64_t columns, layout::TensorLayout order,
                                   const TensorPlace& place);

}  // namespace elm
