// JSON from untrusted files: parsed without exceptions, fields read with messages that name them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/base/status.h"

namespace elm {

// Refuses what is not one JSON value, a key that occurs twice in its object, and nesting deeper
// than 64. `name` is the file, for messages; what is not JSON is found there by its byte and, where
// the text has several lines, its line.
Result<nlohmann::json> ParseJson(std::string_view text, const std::string& name);

// Fields of one JSON object. A field that is null counts as absent. Errors read
// "<name>: <key> is ..., expected ...".
class JsonFields {
 public:
  // `object` must be an object and outlive this.
  JsonFields(const nlohmann::json& object, std::string name)
      : object_(object), name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  // Null when absent.
  const nlohmann::json* Find(const char* key) const;

  // Absent is nothing; a value of the wrong type is an error.
  Result<std::optional<uint32_t>> OptionalCount(const char* key) const;
  Result<uint32_t> Count(const char* key) const;
  Result<uint32_t> Count(const char* key, uint32_t absent) const;
  Result<double> Number(const char* key, double absent) const;
  Result<bool> Flag(const char* key, bool absent) const;
  Result<std::string> Text(const char* key, const std::string& absent) const;
  Result<std::string> Text(const char* key) const;
  // A list of strings; absent is an empty one.
  Result<std::vector<std::string>> Texts(const char* key) const;

  // Refuses any key that is not among `known`, suggesting the nearest.
  Status OnlyKeys(std::initializer_list<const char*> known) const;

 private:
  Status WrongType(const char* key, const nlohmann::json& value, const char* expected) const;

  const nlohmann::json& object_;
  std::string name_;
};

// The value as it stands in the file, shortened for a message.
std::string PrintableJson(const nlohmann::json& value);

}  // namespace elm
