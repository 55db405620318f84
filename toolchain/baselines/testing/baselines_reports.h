// Small reports of the bench, for tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "toolchain/baselines/baselines_report.h"

namespace elm {

// "1101" -> right, right, wrong, right.
inline std::vector<bool> Answers(const std::string& bits) {
  std::vector<bool> correct;
  for (const char bit : bits) correct.push_back(bit == '1');
  return correct;
}

// An entry whose levels answered the one family's items so.
inline BaselineEntry MakeEntry(std::string method, BaselineTable table,
                               const std::vector<std::pair<uint32_t, std::string>>& levels) {
  BaselineEntry entry{.method = std::move(method), .table = table};
  entry.note = "what it is";
  entry.made_from = "xxh3:0";
  entry.report.tool_version = "1.2.3";
  entry.report.model_form = "random weights";
  entry.report.model_hash = "xxh3:1";
  entry.report.conditions = {
      .engine = "libtorch", .arithmetic = "float32", .split = "test", .drop = "none"};
  const size_t items = levels.front().second.size();
  entry.report.families = {{.name = "fact", .source = "pocket", .items = items, .hash = "xxh3:2"}};
  for (const auto& [name, bits] : levels) {
    LevelScores level;
    level.name_permille = name;
    level.reached_share = name / 1000.0;
    level.families = {{.correct = Answers(bits), .nll = 1}};
    entry.report.levels.push_back(std::move(level));
  }
  return entry;
}

}  // namespace elm
