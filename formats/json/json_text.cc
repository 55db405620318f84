#include "formats/json/json_text.h"

#include <algorithm>
#include <limits>
#include <set>

#include "formats/base/printable.h"
#include "formats/base/suggest.h"

namespace elm {
namespace {

using nlohmann::json;

constexpr size_t kMaxDepth = 64;

// Looks through the text once before anything is built from it.
class Checker : public nlohmann::json_sax<json> {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  const std::string& problem() const { return problem_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(json::number_integer_t) override { return true; }
  bool number_unsigned(json::number_unsigned_t) override { return true; }
  bool number_float(json::number_float_t, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(json::binary_t&) override { return true; }

  bool start_object(size_t) override { return Enter(); }
  bool start_array(size_t) override { return Enter(); }
  bool end_object() override { return Leave(); }
  bool end_array() override { return Leave(); }

  bool key(std::string& key) override {
    if (keys_.back().insert(key).second) return true;
    problem_ = StrCat("key ", Printable(key), " occurs twice");
    return false;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    problem_ = StrCat("not valid JSON at byte ", position, LineOf(position));
    return false;
  }

 private:
  bool Enter() {
    keys_.emplace_back();
    if (keys_.size() <= kMaxDepth) return true;
    problem_ = StrCat("nested deeper than ", kMaxDepth);
    return false;
  }
  bool Leave() {
    keys_.pop_back();
    return true;
  }

  std::string LineOf(size_t position) const {
    if (text_.find('\n') == std::string_view::npos) return {};
    const std::string_view before = text_.substr(0, position > 0 ? position - 1 : 0);
    return StrCat(" (line ", 1 + std::count(before.begin(), before.end(), '\n'), ")");
  }

  std::string_view text_;
  std::vector<std::set<std::string>> keys_;  // of every object or array that is open
  std::string problem_;
};

}  // namespace

Result<json> ParseJson(std::string_view text, const std::string& name) {
  Checker checker(text);
  if (!json::sax_parse(text.begin(), text.end(), &checker)) {
    return Corruption(name, ": ", checker.problem());
  }
  json value = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return Corruption(name, ": not valid JSON");
  return value;
}

std::string PrintableJson(const json& value) {
  constexpr size_t kLongest = 80;
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

const json* JsonFields::Find(const char* key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

Status JsonFields::WrongType(const char* key, const json& value, const char* expected) const {
  return Corruption(name_, ": ", key, " is ", PrintableJson(value), ", expected ", expected);
}

Result<std::optional<uint32_t>> JsonFields::OptionalCount(const char* key) const {
  const json* value = Find(key);
  if (value == nullptr) return std::optional<uint32_t>();
  if (!value->is_number_unsigned() ||
      value->get<uint64_t>() > std::numeric_limits<uint32_t>::max()) {
    return WrongType(key, *value, "a whole number of 32 bits");
  }
  return std::optional<uint32_t>(value->get<uint32_t>());
}

Result<uint32_t> JsonFields::Count(const char* key) const {
  ELM_ASSIGN_OR_RETURN(const std::optional<uint32_t> count, OptionalCount(key));
  if (!count) return Corruption(name_, ": ", key, " is missing");
  return *count;
}

Result<uint32_t> JsonFields::Count(const char* key, uint32_t absent) const {
  ELM_ASSIGN_OR_RETURN(const std::optional<uint32_t> count, OptionalCount(key));
  return count.value_or(absent);
}

Result<double> JsonFields::Number(const char* key, double absent) const {
  const json* value = Find(key);
  if (value == nullptr) return absent;
  if (!value->is_number()) return WrongType(key, *value, "a number");
  return value->get<double>();
}

Result<bool> JsonFields::Flag(const char* key, bool absent) const {
  const json* value = Find(key);
  if (value == nullptr) return absent;
  if (!value->is_boolean()) return WrongType(key, *value, "true or false");
  return value->get<bool>();
}

Result<std::string> JsonFields::Text(const char* key, const std::string& absent) const {
  const json* value = Find(key);
  if (value == nullptr) return absent;
  if (!value->is_string()) return WrongType(key, *value, "a string");
  return value->get<std::string>();
}

Result<std::string> JsonFields::Text(const char* key) const {
  if (Find(key) == nullptr) return Corruption(name_, ": ", key, " is missing");
  return Text(key, "");
}

Result<std::vector<std::string>> JsonFields::Texts(const char* key) const {
  const json* value = Find(key);
  if (value == nullptr) return std::vector<std::string>();
  const auto is_text = [](const json& item) { return item.is_string(); };
  if (!value->is_array() || !std::all_of(value->begin(), value->end(), is_text)) {
    return WrongType(key, *value, "a list of strings");
  }
  return value->get<std::vector<std::string>>();
}

Status JsonFields::OnlyKeys(std::initializer_list<const char*> known) const {
  const std::vector<std::string> names(known.begin(), known.end());
  for (const auto& [key, value] : object_.items()) {
    if (std::find(names.begin(), names.end(), key) != names.end()) continue;
    return Corruption(name_, ": unknown key ", Printable(key), Suggestion(key, names));
  }
  return Status::Ok();
}

}  // namespace elm
