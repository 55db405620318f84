#include "formats/checkpoint/gguf_metadata.h"

#include <limits>

namespace elm {
namespace {

Status Missing(const std::string& key) { return Corruption("metadata ", key, " is missing"); }

Status WrongType(const std::string& key, const char* expected) {
  return Corruption("metadata ", key, " is of another type, expected ", expected);
}

}  // namespace

Result<std::optional<uint32_t>> GgufMetadata::OptionalCount(const std::string& key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return std::optional<uint32_t>();
  uint64_t count = std::numeric_limits<uint64_t>::max();
  if (const auto* value = std::get_if<uint64_t>(&found->second)) {
    count = *value;
  } else if (const auto* value = std::get_if<int64_t>(&found->second); value && *value >= 0) {
    count = static_cast<uint64_t>(*value);
  } else {
    return WrongType(key, "a whole number");
  }
  if (count > std::numeric_limits<uint32_t>::max()) {
    return Corruption("metadata ", key, " is ", count, ", expected a number of 32 bits");
  }
  return std::optional<uint32_t>(static_cast<uint32_t>(count));
}

Result<uint32_t> GgufMetadata::Count(const std::string& key) const {
  ELM_ASSIGN_OR_RETURN(const std::optional<uint32_t> count, OptionalCount(key));
  if (!count) return Missing(key);
  return *count;
}

Result<uint32_t> GgufMetadata::Count(const std::string& key, uint32_t absent) const {
  ELM_ASSIGN_OR_RETURN(const std::optional<uint32_t> count, OptionalCount(key));
  return count.value_or(absent);
}

Result<double> GgufMetadata::Number(const std::string& key, std::optional<double> absent) const {
  const auto found = values_.find(key);
  if (found == values_.end() && !absent) return Missing(key);
  if (found == values_.end()) return *absent;
  if (const auto* value = std::get_if<double>(&found->second)) return *value;
  return WrongType(key, "a floating-point number");
}

Result<bool> GgufMetadata::Flag(const std::string& key, bool absent) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return absent;
  if (const auto* value = std::get_if<bool>(&found->second)) return *value;
  return WrongType(key, "true or false");
}

Result<std::string> GgufMetadata::Text(const std::string& key, const std::string& absent) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return absent;
  if (const auto* value = std::get_if<std::string>(&found->second)) return *value;
  return WrongType(key, "a string");
}

}  // namespace elm
