// Tables for a terminal.
#pragma once

#include <string>
#include <vector>

#include "toolchain/eval/statistics.h"

namespace elm {

// Rows of cells; columns are as wide as their widest cell, the first one flush left.
class TextTable {
 public:
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  // Ends with a line end.
  std::string Text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "71.5 ±3.2": in hundredths; `format` is of the value, "%.1f" or "%+.1f". Without the error where
// one item says nothing about the spread.
std::string PercentText(const Estimate& estimate, const char* format = "%.1f");

}  // namespace elm
