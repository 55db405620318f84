// The calibration windows that a run settled on, so that every stage sees the same ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/base/status.h"

namespace elm {

struct StoredWindows {
  uint32_t length = 0;        // tokens per window
  std::vector<uint32_t> ids;  // [count, length]
  std::string source;         // where the text comes from, for people

  bool operator==(const StoredWindows&) const = default;
};

// Atomic. Refuses windows that are not a whole number of `length`, or none.
Status SaveWindows(const std::string& path, const StoredWindows& windows);
// Refuses an id that is not below `vocab`: the file belongs to another tokenizer.
Result<StoredWindows> LoadWindows(const std::string& path, uint32_t vocab);

}  // namespace elm
