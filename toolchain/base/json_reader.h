// JSON files of our own making: what is missing or of the wrong type is named.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "formats/json/json_text.h"
#include "toolchain/base/error.h"

namespace elm {

// Reads the fields of one object, which must outlive it; `where` starts every message. Throws
// elm::Error.
class JsonReader {
 public:
  JsonReader(const nlohmann::json& object, std::string where)
      : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) throw Error(Corruption(where_, ": is not a JSON object"));
  }

  const std::string& where() const { return where_; }

  template <typename T>
  T Get(const char* key) const {
    const nlohmann::json& value = At(key);
    try {
      return value.get<T>();
    } catch (const nlohmann::json::exception&) {
      throw Error(Corruption(where_, ": ", key, " is ", PrintableJson(value),
                             ", which is of the wrong type"));
    }
  }

  JsonReader Object(const char* key) const { return {At(key), StrCat(where_, ": ", key)}; }

  bool Has(const char* key) const { return object_.contains(key); }

  // One reader per entry of a list.
  std::vector<JsonReader> List(const char* key) const {
    const nlohmann::json& list = At(key);
    if (!list.is_array()) throw Error(Corruption(where_, ": ", key, " is not a list"));
    std::vector<JsonReader> readers;
    for (size_t i = 0; i < list.size(); ++i) {
      readers.emplace_back(list[i], StrCat(where_, ": ", key, "[", i, "]"));
    }
    return readers;
  }

 private:
  const nlohmann::json& At(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) throw Error(Corruption(where_, ": ", key, " is missing"));
    return *found;
  }

  const nlohmann::json& object_;
  std::string where_;
};

}  // namespace elm
