#include "formats/checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/checkpoint/testing/tiny_model.h"

namespace elm {
namespace {

using ::testing::AllOf;
using testing::BytesOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Raw;
using testing::SafetensorsBytes;
using testing::SafetensorsFrame;
using ::testing::StartsWith;

std::string TwoTensors() {
  return SafetensorsBytes({{"first", "F32", {2, 3}, std::string(24, 'a')},
                           {"second", "BF16", {4}, std::string(8, 'b')}});
}

TEST(SafetensorsTest, ListsTensorsByOffset) {
  const std::string bytes =
      SafetensorsFrame(R"({"b":{"dtype":"F32","shape":[],"data_offsets":[0,4]},
                           "a":{"dtype":"I64","shape":[1,1],"data_offsets":[4,12]},
                           "empty":{"dtype":"U8","shape":[3,0],"data_offsets":[4,4]}}   )",
                       "xxxxyyyyyyyy");
  const auto tensors = ParseSafetensors(BytesOf(bytes), "file");
  ASSERT_TRUE(tensors.ok()) << tensors.status().ToString();
  ASSERT_EQ(tensors->size(), 3U);
  EXPECT_EQ((*tensors)[0].name, "b");
  EXPECT_EQ((*tensors)[0].dtype, DType::kF32);
  EXPECT_EQ((*tensors)[0].bytes.size(), 4U);
  EXPECT_EQ((*tensors)[1].name, "empty");
  EXPECT_THAT((*tensors)[1].shape, ElementsAre(3, 0));
  EXPECT_EQ((*tensors)[2].type, "I64");
  EXPECT_EQ((*tensors)[2].dtype, std::nullopt);
  EXPECT_EQ((*tensors)[2].bytes.data(), BytesOf(bytes).data() + bytes.size() - 8);
}

TEST(SafetensorsTest, EveryTruncationIsRefused) {
  const std::string bytes = TwoTensors();
  ASSERT_TRUE(ParseSafetensors(BytesOf(bytes), "file").ok());
  for (size_t length = 0; length < bytes.size(); ++length) {
    const Status status = ParseSafetensors(BytesOf(bytes).first(length), "file").status();
    ASSERT_EQ(status.code(), StatusCode::kCorruption) << length;
    ASSERT_THAT(status.message(), StartsWith("file: ")) << length;
  }
}

TEST(SafetensorsTest, OverlongFileIsRefused) {
  const std::string bytes = TwoTensors() + "x";
  EXPECT_THAT(ParseSafetensors(BytesOf(bytes), "file").status().message(),
              HasSubstr("the tensors end at 32 of 33 bytes of data"));
}

TEST(SafetensorsTest, HeaderBeyondTheCapIsRefused) {
  const std::string bytes = Raw<uint64_t>(kMaxSafetensorsHeader + 1) + "{}";
  EXPECT_THAT(ParseSafetensors(BytesOf(bytes), "file").status().message(),
              HasSubstr("header is 100000001 bytes long, expected at most 100000000"));
  EXPECT_FALSE(LooksLikeSafetensors(BytesOf(bytes)));
  EXPECT_TRUE(LooksLikeSafetensors(BytesOf(TwoTensors())));
}

TEST(SafetensorsTest, RefusesByName) {
  struct Case {
    const char* rule;
    const char* header;
    size_t data_size;
    const char* message;
  };
  const Case cases[] = {
      {"no JSON", "{", 0, "header: not valid JSON at byte"},
      {"invalid UTF-8", "{\"\xFF\":1}", 0, "header: not valid JSON at byte"},
      {"text behind", "{} {}", 0, "header: not valid JSON at byte"},
      {"no object", "[1]", 0, "header is no JSON object"},
      {"huge number", R"({"t":1e999})", 0, "header: not valid JSON at byte"},
      {"duplicate tensor",
       R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
           "t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       1, R"(key "t" occurs twice)"},
      {"duplicate field", R"({"t":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       1, R"(key "dtype" occurs twice)"},
      {"entry is no object", R"({"t":3})", 0, R"(tensor "t": expected an object)"},
      {"no dtype", R"({"t":{"shape":[1],"data_offsets":[0,1]}})", 1, R"(tensor "t": dtype)"},
      {"dtype is no string", R"({"t":{"dtype":1,"shape":[1],"data_offsets":[0,1]}})", 1,
       R"(tensor "t": dtype)"},
      {"unknown dtype", R"({"t":{"dtype":"F4","shape":[1],"data_offsets":[0,1]}})", 1,
       R"(tensor "t": dtype "F4" is not known)"},
      {"no shape", R"({"t":{"dtype":"U8","data_offsets":[0,1]}})", 1, R"(tensor "t": shape)"},
      {"negative extent", R"({"t":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1,
       R"(tensor "t": shape)"},
      {"fractional extent", R"({"t":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1,
       R"(tensor "t": shape)"},
      {"rank", R"({"t":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1,
       R"(tensor "t": shape)"},
      {"no offsets", R"({"t":{"dtype":"U8","shape":[1]}})", 1, R"(tensor "t": data_offsets)"},
      {"one offset", R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1,
       R"(tensor "t": data_offsets)"},
      {"offsets descend", R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1,
       R"(tensor "t": data_offsets are [1, 0])"},
      {"offsets outside", R"({"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 1,
       R"(tensor "t": data_offsets are [0, 2], expected ascending within 1 bytes)"},
      {"shape overflows",
       R"({"t":{"dtype":"U8","shape":[4294967296,4294967296,2],"data_offsets":[0,0]}})", 0,
       R"(tensor "t": shape [4294967296,4294967296,2] overflows)"},
      {"size overflows",
       R"({"t":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}})", 0,
       R"(tensor "t": shape [2305843009213693952] overflows)"},
      {"extent too small", R"({"t":{"dtype":"F16","shape":[3],"data_offsets":[0,4]}})", 4,
       R"(tensor "t": shape [3] of F16 takes 6 bytes, but data_offsets hold 4)"},
      {"overlap",
       R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},
           "b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
       4, R"(tensor "b" begins at 2, expected 3: it overlaps)"},
      {"same place",
       R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},
           "b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
       4, R"(tensor "b" begins at 0, expected 4: it overlaps)"},
      {"gap",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
           "b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
       4, R"(tensor "b" begins at 2, expected 1: it leaves a gap)"},
      {"gap at the start", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2,
       R"(tensor "a" begins at 1, expected 0)"},
      {"name with control characters", "{\"a\\n\":3}", 0, R"(tensor "a\x0a": expected)"},
  };
  for (const Case& c : cases) {
    const std::string bytes = SafetensorsFrame(c.header, std::string(c.data_size, 'x'));
    const Status status = ParseSafetensors(BytesOf(bytes), "file").status();
    EXPECT_FALSE(status.ok()) << c.rule;
    EXPECT_THAT(status.message(), AllOf(StartsWith("file: "), HasSubstr(c.message))) << c.rule;
  }
}

TEST(SafetensorsTest, DeepNestingIsRefused) {
  const std::string bytes = SafetensorsFrame(R"({"t":)" + std::string(100000, '['), "");
  EXPECT_THAT(ParseSafetensors(BytesOf(bytes), "file").status().message(),
              HasSubstr("nested deeper than 64"));
}

}  // namespace
}  // namespace elm
