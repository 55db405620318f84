// Comma-separated values as RFC 4180 has them: fields in double quotes may hold commas, quotes
// (doubled) and line ends.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/status.h"

namespace elm {

struct CsvRecord {
  size_t line = 0;  // the one it begins in, counted from 1
  std::vector<std::string> fields;
};

// The records of `text`; a byte order mark and empty lines are skipped. Refuses what is not UTF-8,
// a quote inside a field without quotes and a quote that is never closed, with "<name>:<line>: ".
Result<std::vector<CsvRecord>> ParseCsv(std::string_view text, const std::string& name);

}  // namespace elm
