// Builds a JSON object key by key. A call costs the program a few bytes; a nested initializer list
// of nlohmann-json costs hundreds for each key.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace elm {

class JsonObject {
 public:
  using Json = nlohmann::ordered_json;

  // A number that is not finite, which JSON does not have, becomes null.
  JsonObject& Number(const char* key, double value);
  JsonObject& Count(const char* key, uint64_t value);
  JsonObject& Text(const char* key, std::string_view value);
  JsonObject& Flag(const char* key, bool value);
  JsonObject& Value(const char* key, Json value);

  Json Take() { return std::move(json_); }

 private:
  Json json_ = Json::object();
};

}  // namespace elm
