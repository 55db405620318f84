#include "formats/json/json_object.h"

#include <cmath>

namespace elm {

JsonObject& JsonObject::Value(const char* key, Json value) {
  json_[key] = std::move(value);
  return *this;
}

JsonObject& JsonObject::Number(const char* key, double value) {
  return Value(key, std::isfinite(value) ? Json(value) : Json(nullptr));
}

JsonObject& JsonObject::Count(const char* key, uint64_t value) { return Value(key, Json(value)); }

JsonObject& JsonObject::Text(const char* key, std::string_view value) {
  return Value(key, Json(value));
}

JsonObject& JsonObject::Flag(const char* key, bool value) { return Value(key, Json(value)); }

}  // namespace elm
