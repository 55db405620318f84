#include "formats/checkpoint/llama2c.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/checkpoint/testing/tiny_model.h"

namespace elm {
namespace {

using testing::BytesOf;
using ::testing::HasSubstr;
using testing::Llama2cBytes;
using testing::Raw;
using ::testing::StartsWith;
using testing::TinyConfig;

// Offsets of the header's fields behind magic number and version.
constexpr size_t kDim = 0, kHidden = 4, kLayers = 8, kHeads = 12, kKvHeads = 16, kVocab = 20,
                 kContext = 24, kShared = 28, kGroup = 29;

size_t FieldsBegin(int version) { return version == 0 ? 0 : 8; }

TEST(Llama2cTest, EveryVersionGivesTheSameTensors) {
  for (int version : {0, 1, 2}) {
    for (bool tied : {true, false}) {
      const std::string bytes = Llama2cBytes(TinyConfig(tied), version);
      ASSERT_TRUE(LooksLikeLlama2c(BytesOf(bytes)));
      const auto contents = ParseLlama2c(BytesOf(bytes), "file");
      ASSERT_TRUE(contents.ok()) << contents.status().ToString();
      EXPECT_EQ(contents->form, StrCat("llama2.c v", version));
      EXPECT_EQ(contents->config, TinyConfig(tied));
      EXPECT_EQ(contents->special_tokens, SpecialTokens());
      for (size_t i = 0; i < contents->tensors.size(); ++i) {
        const TensorSpec& spec = contents->tensors[i].spec;
        std::vector<float> values(spec.rows * spec.columns);
        ASSERT_TRUE(ReadTensor(*contents, i, std::as_writable_bytes(std::span(values))).ok());
        EXPECT_EQ(values, testing::TinyValues(spec)) << spec.name << " of v" << version;
      }
    }
  }
}

TEST(Llama2cTest, ScalesMultiplyTheirGroup) {
  std::string bytes = Llama2cBytes(TinyConfig(true), 2);
  const auto before = ParseLlama2c(BytesOf(bytes), "file");
  ASSERT_TRUE(before.ok());
  // The embedding's second group: elements 4 to 7.
  const size_t begin = static_cast<size_t>(before->sources[0].bytes.data() - BytesOf(bytes).data());
  bytes.replace(begin + 20 * 16 + 4, 4, Raw(0.5F));
  std::vector<float> expected = testing::TinyValues(before->tensors[0].spec);
  for (size_t i = 4; i < 8; ++i) expected[i] *= 0.5F;
  std::vector<float> values(expected.size());
  ASSERT_TRUE(ReadTensor(*before, 0, std::as_writable_bytes(std::span(values))).ok());
  EXPECT_EQ(values, expected);
}

TEST(Llama2cTest, EveryOtherLengthIsRefused) {
  for (int version : {0, 1, 2}) {
    const std::string bytes = Llama2cBytes(TinyConfig(), version) + "x";
    for (size_t length = 0; length <= bytes.size(); ++length) {
      if (length + 1 == bytes.size()) continue;
      const Status status = ParseLlama2c(BytesOf(bytes).first(length), "file").status();
      ASSERT_EQ(status.code(), StatusCode::kCorruption) << length;
      ASSERT_THAT(status.message(), StartsWith("file: ")) << length;
    }
    EXPECT_THAT(ParseLlama2c(BytesOf(bytes), "file").status().message(),
                HasSubstr(StrCat("the file is ", bytes.size(),
                                 " bytes long, but its header implies ", bytes.size() - 1)));
  }
}

TEST(Llama2cTest, RefusesByName) {
  struct Case {
    const char* rule;
    int version;
    size_t offset;  // behind magic number and version
    int32_t value;
    const char* message;
  };
  const Case cases[] = {
      {"dim zero", 0, kDim, 0, "dim is 0, expected at least 1"},
      {"dim negative", 1, kDim, -16, "dim is -16"},
      {"dim odd", 0, kDim, 18, "dim is 18, not a multiple of n_heads 4"},
      {"dim huge", 0, kDim, 1 << 30, "width is 1073741824, expected 1 to"},
      {"hidden_dim zero", 1, kHidden, 0, "hidden_dim is 0"},
      {"hidden_dim other", 0, kHidden, 13, "but its header implies"},
      {"n_layers zero", 2, kLayers, 0, "n_layers is 0"},
      {"n_layers huge", 0, kLayers, 1025, "layers is 1025, expected 1 to 1024"},
      {"n_heads negative", 0, kHeads, -4, "n_heads is -4"},
      {"odd head size", 0, kHeads, 16, "head_dim is 1"},
      {"n_kv_heads do not divide", 0, kKvHeads, 3,
       "query_heads is 4, not a multiple of kv_heads 3"},
      {"vocab_size zero", 0, kVocab, 0, "vocab is 0"},
      {"vocab_size least", 0, kVocab, INT32_MIN, "vocab is 2147483648"},
      {"vocab_size negative", 1, kVocab, -20, "vocab_size is -20"},
      {"tied by sign, but head is there", 0, kVocab, 20, "but its header implies"},
      {"max_seq_len zero", 0, kContext, 0, "max_seq_len is 0"},
      {"max_seq_len other", 0, kContext, 33, "but its header implies"},
      {"shared_classifier", 1, kShared, 2, "shared_classifier is 2, expected 0 or 1"},
      {"group_size zero", 2, kGroup, 0, "group_size is 0"},
      {"group_size huge", 2, kGroup, INT32_MAX, "group_size is 2147483647"},
      {"group_size does not divide", 2, kGroup, 7,
       "tensor model.embed_tokens.weight has 320 elements, not a multiple of group_size 7"},
  };
  for (const Case& c : cases) {
    std::string bytes = Llama2cBytes(TinyConfig(), c.version);
    const size_t size = c.offset == kShared ? 1 : 4;
    bytes.replace(FieldsBegin(c.version) + c.offset, size, Raw(c.value).substr(0, size));
    const Status status = ParseLlama2c(BytesOf(bytes), "file").status();
    EXPECT_EQ(status.code(), StatusCode::kCorruption) << c.rule;
    EXPECT_THAT(status.message(), StartsWith("file: ")) << c.rule;
    EXPECT_THAT(status.message(), HasSubstr(c.message)) << c.rule;
  }
}

TEST(Llama2cTest, OtherVersionsAreRefused) {
  for (int32_t version : {0, 3, -1}) {
    std::string bytes = Llama2cBytes(TinyConfig(), 1);
    bytes.replace(4, 4, Raw(version));
    const Status status = ParseLlama2c(BytesOf(bytes), "file").status();
    EXPECT_EQ(status.code(), StatusCode::kUnsupported);
    EXPECT_THAT(status.message(), HasSubstr("expected 0, 1 or 2"));
  }
}

TEST(Llama2cTest, TextIsNoLlama2cFile) {
  EXPECT_FALSE(LooksLikeLlama2c(BytesOf("Once upon a time, there was a little girl named Lily.")));
  EXPECT_FALSE(LooksLikeLlama2c(BytesOf("")));
}

}  // namespace
}  // namespace elm
