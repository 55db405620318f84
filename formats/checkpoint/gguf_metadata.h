// The key-value pairs of a GGUF file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "formats/base/status.h"

namespace elm {

// The elements of an array are validated and left in the file: none is needed here.
struct GgufArray {
  uint64_t count = 0;
};

// Integers of every width widen to 64 bits.
using GgufValue = std::variant<uint64_t, int64_t, double, bool, std::string, GgufArray>;

// Typed access with messages that name the key. An absent key is nothing or the given default.
class GgufMetadata {
 public:
  void Add(std::string key, GgufValue value) { values_.emplace(std::move(key), std::move(value)); }
  bool Has(const std::string& key) const { return values_.contains(key); }

  Result<std::optional<uint32_t>> OptionalCount(const std::string& key) const;
  Result<uint32_t> Count(const std::string& key) const;
  Result<uint32_t> Count(const std::string& key, uint32_t absent) const;
  Result<double> Number(const std::string& key, std::optional<double> absent) const;
  Result<bool> Flag(const std::string& key, bool absent) const;
  Result<std::string> Text(const std::string& key, const std::string& absent) const;

 private:
  std::map<std::string, GgufValue, std::less<>> values_;
};

}  // namespace elm
