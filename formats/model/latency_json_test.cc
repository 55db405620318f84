#include "formats/model/latency_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

LatencyTable Table() {
  LatencyTable table;
  table.name = "a \"phone\", 2 threads";
  table.bundle_hash = 0xfedcba9876543210;
  table.level_permille = {250, 1000};
  table.ttft_tokens = {16, 512};
  table.ttft_ms = {{0.1, 2.0 / 3}, {0.3, 1e3}};
  table.tpot_context = {0, 100};
  table.tpot_ms = {{1, 1.5}, {2, 2.5}};
  table.tlm_tokens = {16, 32};
  table.tlm_ms = {0.5, 1};
  table.selection_ms_per_kilotoken = 2;
  table.switch_ms = 0.01;
  table.margin = 0.1;
  return table;
}

TEST(LatencyJsonTest, ReadsBackBitForBit) {
  LatencyTable table = Table();
  auto read = ParseLatencyJson(LatencyJson(table), "t.json");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(*read, table);
  table.tlm_tokens.clear();
  table.tlm_ms.clear();
  table.name = "reference:x";
  table.bundle_hash = 0;
  read = ParseLatencyJson(LatencyJson(table), "t.json");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(*read, table);
}

TEST(LatencyJsonTest, ReadsFiles) {
  const testing::TemporaryDirectory directory;
  std::ofstream(directory.Path("t.json")) << LatencyJson(Table());
  const auto read = ReadLatencyFile(directory.Path("t.json"));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(*read, Table());
  EXPECT_EQ(ReadLatencyFile(directory.Path("none")).status().code(), StatusCode::kNotFound);
}

TEST(LatencyJsonTest, MessagesNameTheField) {
  const auto message = [](auto&& change) {
    auto object = nlohmann::json::parse(LatencyJson(Table()));
    change(object);
    const Status status = ParseLatencyJson(object.dump(), "t.json").status();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(status.message(), StartsWith("t.json: "));
    return status.message();
  };
  EXPECT_THAT(message([](auto& o) { o["schema"] = "elm-bench"; }), HasSubstr("elm calibrate"));
  EXPECT_THAT(message([](auto& o) { o.erase("schema"); }), HasSubstr("schema is missing"));
  EXPECT_THAT(message([](auto& o) { o["schema_version"] = 2; }), HasSubstr("this program reads 1"));
  EXPECT_THAT(message([](auto& o) { o["margins"] = 1; }), HasSubstr("did you mean margin?"));
  EXPECT_THAT(message([](auto& o) { o["bundle_hash"] = "12"; }), HasSubstr("bundle_hash"));
  EXPECT_THAT(message([](auto& o) { o["bundle_hash"] = "0x"; }), HasSubstr("bundle_hash"));
  EXPECT_THAT(message([](auto& o) { o["bundle_hash"] = "0x10000000000000000"; }),
              HasSubstr("bundle_hash"));
  EXPECT_THAT(message([](auto& o) { o["levels"] = {"half"}; }), HasSubstr("\"half\""));
  EXPECT_THAT(message([](auto& o) { o["ttft"] = 5; }), HasSubstr("ttft is 5"));
  EXPECT_THAT(message([](auto& o) { o["ttft"].erase("ms"); }), HasSubstr("ms is missing"));
  EXPECT_THAT(message([](auto& o) { o["ttft"]["ms"] = {1, 2}; }), HasSubstr("lists of numbers"));
  EXPECT_THAT(message([](auto& o) { o["ttft"]["ms"][0][1] = "x"; }), HasSubstr("\"x\""));
  EXPECT_THAT(message([](auto& o) { o["ttft"]["tokens"][0] = -1; }), HasSubstr("-1"));
  EXPECT_THAT(message([](auto& o) { o["ttft"]["tokens"][0] = 1ULL << 32; }),
              HasSubstr("4294967296"));
  EXPECT_THAT(message([](auto& o) { o["ttft"]["ms"][0][0] = 1e300; }), HasSubstr("ttft_ms"));
  EXPECT_THAT(message([](auto& o) { o["tpot"]["ms"].erase(0); }), HasSubstr("1 levels"));
  EXPECT_THAT(message([](auto& o) { o["tlm"]["ms"] = nlohmann::json::array(); }),
              HasSubstr("tlm_ms"));
  EXPECT_THAT(message([](auto& o) { o.erase("margin"); }), HasSubstr("margin is missing"));
  EXPECT_THAT(message([](auto& o) { o["margin"] = "none"; }), HasSubstr("margin"));
}

TEST(LatencyJsonTest, WhatIsNoTable) {
  for (const char* text : {"", "[]", "5", "{", "null", "{\"a\": 1, \"a\": 2}"}) {
    const Status status = ParseLatencyJson(text, "t.json").status();
    EXPECT_EQ(status.code(), StatusCode::kCorruption) << text;
    EXPECT_THAT(status.message(), StartsWith("t.json: "));
  }
}

}  // namespace
}  // namespace elm
