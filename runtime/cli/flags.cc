#include "runtime/cli/flags.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "formats/base/suggest.h"

namespace elm {
namespace {

const Flag* FindLong(std::span<const Flag> flags, std::string_view name) {
  const auto found =
      std::find_if(flags.begin(), flags.end(), [&](const Flag& flag) { return flag.name == name; });
  return found == flags.end() ? nullptr : &*found;
}

const Flag* FindShort(std::span<const Flag> flags, std::string_view letters) {
  if (letters.size() != 1) return nullptr;
  const auto found = std::find_if(flags.begin(), flags.end(),
                                  [&](const Flag& flag) { return flag.letter == letters[0]; });
  return found == flags.end() ? nullptr : &*found;
}

Status UnknownOption(std::span<const Flag> flags, std::string_view option) {
  std::vector<std::string> names;
  for (const Flag& flag : flags) names.push_back("--" + flag.name);
  return InvalidArgument("unknown option ", option, Suggestion(option, names));
}

// An option as it stands on the command line, e.g. "--level=0.5" or "-n".
struct Option {
  std::string name;                  // with dashes, for messages
  std::optional<std::string> value;  // behind "="
  const Flag* flag = nullptr;
};

Option ReadOption(std::span<const Flag> flags, const std::string& word) {
  Option option;
  if (!word.starts_with("--")) {
    option.name = word;
    option.flag = FindShort(flags, std::string_view(word).substr(1));
    return option;
  }
  const size_t equals = word.find('=');
  option.name = word.substr(0, equals);
  if (equals != std::string::npos) option.value = word.substr(equals + 1);
  option.flag = FindLong(flags, std::string_view(option.name).substr(2));
  return option;
}

template <typename T>
bool ParseWhole(const std::string& text, T& value) {
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

std::string Spelling(const Flag& flag) {
  std::string spelling = flag.letter == 0 ? "    " : StrCat("-", flag.letter, ", ");
  spelling += "--" + flag.name;
  if (!flag.value_name.empty()) spelling += " " + flag.value_name;
  return spelling;
}

}  // namespace

std::string ParsedFlags::Text(const std::string& name, const std::string& otherwise) const {
  const std::string* value = Find(name);
  return value == nullptr ? otherwise : *value;
}

std::vector<std::string> ParsedFlags::Texts(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

Result<uint64_t> ParsedFlags::Number(const std::string& name, uint64_t otherwise,
                                     uint64_t most) const {
  const std::string* text = Find(name);
  if (text == nullptr) return otherwise;
  uint64_t value = 0;
  if (ParseWhole(*text, value) && value <= most) return value;
  return InvalidArgument("--", name, " is \"", *text, "\", expected a whole number from 0 to ",
                         most);
}

Result<float> ParsedFlags::Real(const std::string& name, float otherwise) const {
  const std::string* text = Find(name);
  if (text == nullptr) return otherwise;
  float value = 0;
  if (ParseWhole(*text, value) && std::isfinite(value)) return value;
  return InvalidArgument("--", name, " is \"", *text, "\", expected a number");
}

const std::string* ParsedFlags::Find(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second.front();
}

Result<ParsedFlags> ParseFlags(std::span<const Flag> flags, std::span<const std::string> words) {
  ParsedFlags parsed;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      parsed.arguments_.insert(parsed.arguments_.end(), words.begin() + i + 1, words.end());
      break;
    }
    if (word.size() < 2 || word[0] != '-') {
      parsed.arguments_.push_back(word);
      continue;
    }
    Option option = ReadOption(flags, word);
    if (option.flag == nullptr) return UnknownOption(flags, option.name);
    const bool takes_value = !option.flag->value_name.empty();
    if (!takes_value && option.value) {
      return InvalidArgument(option.name, " takes no value, got \"", *option.value, "\"");
    }
    if (takes_value && !option.value) {
      if (i + 1 == words.size()) {
        return InvalidArgument(option.name, " needs a value: ", option.flag->value_name);
      }
      option.value = words[++i];
    }
    std::vector<std::string>& values = parsed.values_[option.flag->name];
    values.push_back(option.value.value_or(""));
    if (values.size() > 1 && !option.flag->repeats) {
      return InvalidArgument(option.name, " is given twice");
    }
  }
  return parsed;
}

std::string DescribeFlags(std::span<const Flag> flags) {
  size_t width = 0;
  for (const Flag& flag : flags) width = std::max(width, Spelling(flag).size());
  std::string text;
  for (const Flag& flag : flags) {
    std::string spelling = Spelling(flag);
    spelling.resize(width, ' ');
    text += StrCat("  ", spelling, "  ", flag.help, "\n");
  }
  return text;
}

}  // namespace elm
