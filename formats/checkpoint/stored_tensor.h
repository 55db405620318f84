// A tensor as the table of contents of a file describes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/base/dtype.h"

namespace elm {

struct StoredTensor {
  std::string name;
  std::string file;                  // for messages
  std::string type;                  // the file's own word for the element type
  std::optional<DType> dtype;        // nothing for a type that weights cannot have here
  std::vector<uint64_t> shape;       // outermost first
  std::span<const std::byte> bytes;  // in the mapped file
};

}  // namespace elm
