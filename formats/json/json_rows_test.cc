#include "formats/json/json_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace elm {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Visit = Status (*)(std::string_view, const std::string&, const JsonRowVisitor&);

// "where row" of every row.
std::vector<std::string> Rows(Visit visit, std::string_view text) {
  std::vector<std::string> rows;
  const Status status = visit(text, "f", [&](const json& row, const std::string& where) {
    rows.push_back(where + " " + row.dump());
    return Status::Ok();
  });
  EXPECT_TRUE(status.ok()) << status.ToString();
  return rows;
}

std::string Refusal(Visit visit, std::string_view text) {
  const auto accept = [](const json&, const std::string&) { return Status::Ok(); };
  return visit(text, "f", accept).ToString();
}

TEST(JsonRowsTest, LinesAreCountedFromOneAndBlankOnesSkipped) {
  EXPECT_THAT(Rows(VisitJsonLines, "{\"a\":1}\n\n \t\r\n{\"a\":2}\r\n{}"),
              ElementsAre("f:1 {\"a\":1}", "f:4 {\"a\":2}", "f:5 {}"));
  EXPECT_THAT(Rows(VisitJsonLines, "\xEF\xBB\xBF{}\n"), ElementsAre("f:1 {}"));
  EXPECT_THAT(Rows(VisitJsonLines, ""), IsEmpty());
}

TEST(JsonRowsTest, BadLinesAreNamed) {
  EXPECT_EQ(Refusal(VisitJsonLines, "{}\n{\"a\":}\n"), "corruption: f:2: not valid JSON at byte 6");
  EXPECT_EQ(Refusal(VisitJsonLines, "{}\n\n[1]\n"),
            "corruption: f:3: is [1], expected a JSON object in each line");
  EXPECT_THAT(Refusal(VisitJsonLines, "{}\n{\"a\":\"\xFF\"}\n"),
              HasSubstr("f:2: not UTF-8 at byte 6"));
  EXPECT_THAT(Refusal(VisitJsonLines, "{\"a\":1,\"a\":2}"),
              HasSubstr("f:1: key \"a\" occurs twice"));
}

TEST(JsonRowsTest, RowsOfAnArrayKnowTheirLine) {
  EXPECT_THAT(Rows(VisitJsonArray, "[\n  {\n \"a\": [\n1, {}]\n  },\n\n [2], {\"b\": 3}\n]\n"),
              ElementsAre("f:2: row 1 {\"a\":[1,{}]}", "f:7: row 2 [2]", "f:7: row 3 {\"b\":3}"));
  EXPECT_THAT(Rows(VisitJsonArray, "[]"), IsEmpty());
  EXPECT_THAT(Rows(VisitJsonArray, "[1, \"x\", null]"),
              ElementsAre("f:1: row 1 1", "f:1: row 2 \"x\"", "f:1: row 3 null"));
}

TEST(JsonRowsTest, BadArraysAreNamed) {
  EXPECT_EQ(Refusal(VisitJsonArray, "[\n{},\n{]\n"),
            "corruption: f: not valid JSON at byte 8 (line 3)");
  EXPECT_THAT(Refusal(VisitJsonArray, "{\"a\":1}"),
              HasSubstr("f: is {\"a\":1}, expected a JSON array of rows"));
  EXPECT_THAT(Refusal(VisitJsonArray, "[\"\xFF\"]"), HasSubstr("f:1: not UTF-8 at byte 2"));
}

TEST(JsonRowsTest, TheVisitorEndsTheVisit) {
  size_t seen = 0;
  const auto stop = [&](const json&, const std::string& where) {
    return ++seen == 2 ? Corruption(where, ": enough") : Status::Ok();
  };
  EXPECT_EQ(VisitJsonLines("{}\n{}\n{}\n", "f", stop).message(), "f:2: enough");
  EXPECT_EQ(seen, 2U);
}

}  // namespace
}  // namespace elm
