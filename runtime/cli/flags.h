// Command-line options from a declarative table.
//
// Accepted: --name VALUE, --name=VALUE, -n VALUE, --switch; "--" ends the options. A value may
// begin with a dash. An option that is unknown, lacks its value, or is given twice when it may not
// be is an error.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/status.h"

namespace elm {

struct Flag {
  std::string name;        // without dashes
  char letter = 0;         // the short form, or 0
  std::string value_name;  // how --help calls the value; empty for a switch
  std::string help;
  bool repeats = false;  // may be given more than once
};

class ParsedFlags {
 public:
  bool Has(const std::string& name) const { return values_.contains(name); }
  std::string Text(const std::string& name, const std::string& otherwise) const;
  // All values of an option that repeats, in order.
  std::vector<std::string> Texts(const std::string& name) const;
  // A whole number from 0 to `most`.
  Result<uint64_t> Number(const std::string& name, uint64_t otherwise, uint64_t most) const;
  Result<float> Real(const std::string& name, float otherwise) const;
  const std::vector<std::string>& arguments() const { return arguments_; }

 private:
  friend Result<ParsedFlags> ParseFlags(std::span<const Flag>, std::span<const std::string>);

  const std::string* Find(const std::string& name) const;

  std::map<std::string, std::vector<std::string>> values_;
  std::vector<std::string> arguments_;  // what is not an option, in order
};

Result<ParsedFlags> ParseFlags(std::span<const Flag> flags, std::span<const std::string> words);

// The table as aligned lines for --help.
std::string DescribeFlags(std::span<const Flag> flags);

}  // namespace elm
