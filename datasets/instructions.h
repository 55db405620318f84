// Instructions with answers, in Alpaca's form: rows of "instruction", "input" (may be empty) and
// "output", as one JSON array or as JSON Lines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/base/status.h"

namespace elm {

struct Instruction {
  std::string prompt;  // instruction and input in Alpaca's template, up to "### Response:\n"
  std::string response;

  bool operator==(const Instruction&) const = default;
};

// Refuses with "<name>:<line>": what is not JSON, rows without instruction or output, a text
// without rows. Keys of other names are left alone: such files carry ids, sources, ratings.
Result<std::vector<Instruction>> ParseInstructions(std::string_view text, const std::string& name);
Result<std::vector<Instruction>> ReadInstructions(const std::string& path);

}  // namespace elm
