#include "formats/json/json_object.h"

#include <gtest/gtest.h>

#include <limits>

namespace elm {
namespace {

TEST(JsonObjectTest, KeysInTheirOrderWithTheirTypes) {
  const auto json = JsonObject()
                        .Text("text", "a \"b\"")
                        .Count("count", std::numeric_limits<uint64_t>::max())
                        .Number("number", 0.5)
                        .Flag("flag", false)
                        .Value("list", {1, 2})
                        .Take();
  EXPECT_EQ(
      json.dump(),
      R"({"text":"a \"b\"","count":18446744073709551615,"number":0.5,"flag":false,"list":[1,2]})");
  EXPECT_EQ(JsonObject().Take().dump(), "{}");
}

TEST(JsonObjectTest, WhatIsNotFiniteIsNull) {
  const auto json = JsonObject()
                        .Number("a", std::numeric_limits<double>::infinity())
                        .Number("b", std::numeric_limits<double>::quiet_NaN())
                        .Take();
  EXPECT_EQ(json.dump(), R"({"a":null,"b":null})");
}

}  // namespace
}  // namespace elm
