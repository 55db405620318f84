#include "toolchain/baselines/baselines_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/base/error.h"
#include "toolchain/baselines/testing/baselines_reports.h"

namespace elm {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

BaselinesReport TwoMethods() {
  BaselinesReport report;
  report.entries.push_back(
      MakeEntry("elastic", BaselineTable::kPublished, {{500, "1101"}, {1000, "1111"}}));
  report.entries.push_back(
      MakeEntry("shortgpt", BaselineTable::kSameRecovery, {{500, "1001"}, {1000, "1111"}}));
  report.entries.back().recovery_tokens = 205'000;
  report.entries.back().level_notes = {{500, "skips layers 3 and 4"}};
  return report;
}

TEST(BaselinesReport, WhatIsWrittenIsRead) {
  const testing::TemporaryDirectory directory;
  const BaselinesReport report = TwoMethods();
  WriteBaselines(directory.Path("base.json"), report);
  EXPECT_EQ(ReadBaselines(directory.Path("base.json")), report);
  EXPECT_NE(report.Find("shortgpt", BaselineTable::kSameRecovery), nullptr);
  EXPECT_EQ(report.Find("shortgpt", BaselineTable::kPublished), nullptr);
}

// The message that a change of the file leads to.
std::string MessageAfter(const std::function<void(json&)>& change) {
  json value = ToJson(TwoMethods());
  change(value);
  try {
    ParseBaselines(value, "base.json");
  } catch (const Error& error) {
    return error.status().message();
  }
  return "";
}

TEST(BaselinesReport, DamageIsNamed) {
  EXPECT_EQ(MessageAfter([](json&) {}), "");
  EXPECT_THAT(MessageAfter([](json& value) { value = 3; }), HasSubstr("is not a JSON object"));
  EXPECT_THAT(MessageAfter([](json& value) { value["schema"] = "elm-eval"; }),
              HasSubstr("schema is elm-eval, expected elm-baselines"));
  EXPECT_THAT(MessageAfter([](json& value) { value["schema_version"] = 2; }),
              HasSubstr("schema version is 2, this program reads 1"));
  EXPECT_THAT(MessageAfter([](json& value) { value.erase("methods"); }),
              HasSubstr("methods is not a list"));
  EXPECT_THAT(MessageAfter([](json& value) { value["methods"][1]["table"] = "c"; }),
              HasSubstr("methods[1]: table is c, expected a or b"));
  EXPECT_THAT(MessageAfter([](json& value) { value["methods"][1].erase("note"); }),
              HasSubstr("methods[1]: note is missing"));
  EXPECT_THAT(MessageAfter([](json& value) { value["methods"][1]["recovery_tokens"] = "many"; }),
              HasSubstr("recovery_tokens is \"many\", which is of the wrong type"));
  EXPECT_THAT(MessageAfter([](json& value) { value["methods"][1].erase("report"); }),
              HasSubstr("methods[1]: report is missing"));
  EXPECT_THAT(MessageAfter([](json& value) { value["methods"][1] = value["methods"][0]; }),
              HasSubstr("elastic is twice in table a"));
}

TEST(BaselinesReport, EvaluationsAreCheckedToo) {
  EXPECT_THAT(MessageAfter([](json& value) {
                value["methods"][0]["report"]["levels"][0]["families"]["fact"]["correct"] = "1111";
              }),
              HasSubstr("accuracy is"));
  EXPECT_THAT(MessageAfter([](json& value) {
                value["methods"][1]["report"]["families"][0]["hash"] = "xxh3:9";
              }),
              HasSubstr("shortgpt answered other questions than elastic"));
}

}  // namespace
}  // namespace elm
