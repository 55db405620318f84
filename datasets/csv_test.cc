#include "datasets/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "line|field|field" of every record.
std::vector<std::string> Records(std::string_view text) {
  const Result<std::vector<CsvRecord>> records = ParseCsv(text, "f");
  EXPECT_TRUE(records.ok()) << records.status().ToString();
  std::vector<std::string> joined;
  for (const CsvRecord& record : *records) {
    joined.push_back(StrCat(record.line));
    for (const std::string& field : record.fields) joined.back() += "|" + field;
  }
  return joined;
}

std::string Refusal(std::string_view text) { return ParseCsv(text, "f").status().ToString(); }

TEST(CsvTest, FieldsAreWhatStandsBetweenCommas) {
  EXPECT_THAT(Records("a,b\nc,d\n"), ElementsAre("1|a|b", "2|c|d"));
  EXPECT_THAT(Records("a,b\r\nc,d"), ElementsAre("1|a|b", "2|c|d"));
  EXPECT_THAT(Records("a,,b,\n"), ElementsAre("1|a||b|"));
  EXPECT_THAT(Records(" a , b\t\n"), ElementsAre("1| a | b\t"));
  EXPECT_THAT(Records("\xEF\xBB\xBFh\u00e9,b\n"), ElementsAre("1|h\u00e9|b"));
}

TEST(CsvTest, QuotedFieldsMayHoldAnything) {
  EXPECT_THAT(Records("\"a,b\",\"say \"\"hi\"\"\",\"\"\n"), ElementsAre("1|a,b|say \"hi\"|"));
  EXPECT_THAT(Records("\"\n\nb\",c\nd,e\n"), ElementsAre("1|\n\nb|c", "4|d|e"));
}

TEST(CsvTest, EmptyLinesAreSkippedAndCounted) {
  EXPECT_THAT(Records("\n\na,b\n\nc,d\n"), ElementsAre("3|a|b", "5|c|d"));
  EXPECT_THAT(Records(""), IsEmpty());
}

TEST(CsvTest, WhatIsNotCsvIsRefusedByLine) {
  EXPECT_THAT(Refusal("a,b\nc,d\"e\n"), HasSubstr("corruption: f:2: not CSV"));
  EXPECT_THAT(Refusal("a,b\n\"c\"d,e\n"), HasSubstr("f:2: not CSV"));
  EXPECT_THAT(Refusal("a,b\n\"c,d\ne,f\n"), HasSubstr("f:2: not CSV"));
  EXPECT_THAT(Refusal("a,b\n\xFF,d\n"), HasSubstr("f:2: not UTF-8 at byte 0"));
}

}  // namespace
}  // namespace elm
