#include "formats/checkpoint/gguf_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "formats/checkpoint/testing/tiny_gguf.h"

namespace elm {
namespace {

using testing::BytesOf;
using ::testing::ElementsAre;
using testing::GgufDraft;
using ::testing::HasSubstr;
using testing::Raw;
using ::testing::StartsWith;
using testing::TinyConfig;
using testing::TinyGguf;

// The values of a tensor as stored, converted to float32.
std::vector<float> ReadValues(const CheckpointContents& contents, size_t index) {
  const CheckpointTensor& tensor = contents.tensors[index];
  std::vector<float> values(tensor.spec.rows * tensor.spec.columns);
  std::vector<std::byte> bytes(values.size() * DTypeSize(tensor.dtype));
  EXPECT_TRUE(ReadTensor(contents, index, bytes).ok());
  DecodeToFloat(tensor.dtype, bytes.data(), values);
  return values;
}

TEST(GgufCheckpointTest, EveryVersionAndTypeGivesTheSameTensors) {
  for (uint32_t version : {1, 2, 3}) {
    for (DType dtype : {DType::kF32, DType::kF16, DType::kBf16}) {
      const std::string bytes = TinyGguf(TinyConfig(), dtype, version).Bytes();
      const auto contents = ParseGgufCheckpoint(BytesOf(bytes), "file");
      ASSERT_TRUE(contents.ok()) << contents.status().ToString();
      EXPECT_EQ(contents->form, StrCat("GGUF v", version));
      EXPECT_EQ(contents->config, TinyConfig());
      for (size_t i = 0; i < contents->tensors.size(); ++i) {
        EXPECT_EQ(contents->tensors[i].dtype, dtype);
        EXPECT_EQ(ReadValues(*contents, i), testing::TinyValues(contents->tensors[i].spec))
            << contents->tensors[i].spec.name;
      }
    }
  }
}

TEST(GgufCheckpointTest, MissingHeadIsTied) {
  const std::string bytes = TinyGguf(TinyConfig(true), DType::kF16).Bytes();
  const auto contents = ParseGgufCheckpoint(BytesOf(bytes), "file");
  ASSERT_TRUE(contents.ok()) << contents.status().ToString();
  EXPECT_EQ(contents->config, TinyConfig(true));
}

TEST(GgufCheckpointTest, HeadEqualToTheEmbeddingIsTied) {
  GgufDraft draft = TinyGguf(TinyConfig(), DType::kF16);
  draft.Find("output.weight").bytes = draft.Find("token_embd.weight").bytes;
  const std::string bytes = draft.Bytes();
  const auto contents = ParseGgufCheckpoint(BytesOf(bytes), "file");
  ASSERT_TRUE(contents.ok()) << contents.status().ToString();
  EXPECT_EQ(contents->config, TinyConfig(true));
}

TEST(GgufCheckpointTest, MetadataBecomesConfigAndSpecialTokens) {
  GgufDraft draft = TinyGguf(TinyConfig(), DType::kF32);
  draft.SetFloat("llama.rope.freq_base", 500000.0F);
  draft.SetCount("tokenizer.ggml.eot_token_id", 9);
  draft.SetText("tokenizer.chat_template", "{{ messages }}");
  draft.SetText("llama.rope.scaling.type", "none");
  draft.SetFloat("llama.rope.scaling.factor", 1.0F);
  draft.SetCount("llama.vocab_size", 20);
  draft.SetCount("llama.rope.dimension_count", 4);
  draft.Set("llama.block_count", testing::kGgufInt32, Raw<int32_t>(2));
  const std::string bytes = draft.Bytes();
  const auto contents = ParseGgufCheckpoint(BytesOf(bytes), "file");
  ASSERT_TRUE(contents.ok()) << contents.status().ToString();
  EXPECT_EQ(contents->config.rope_theta, 500000.0F);
  EXPECT_EQ(contents->special_tokens.bos, 1U);
  EXPECT_THAT(contents->special_tokens.eos, ElementsAre(2, 9));
  EXPECT_EQ(contents->special_tokens.chat_template, "{{ messages }}");
}

TEST(GgufCheckpointTest, HeadSizeMayDifferFromWidthOverHeads) {
  ModelConfig config = TinyConfig();
  config.head_dim = 6;
  GgufDraft draft = TinyGguf(config, DType::kF32);
  draft.SetCount("llama.attention.key_length", 6);
  draft.SetCount("llama.attention.value_length", 6);
  const std::string bytes = draft.Bytes();
  const auto contents = ParseGgufCheckpoint(BytesOf(bytes), "file");
  ASSERT_TRUE(contents.ok()) << contents.status().ToString();
  EXPECT_EQ(contents->config, config);
}

TEST(GgufCheckpointTest, OtherAlignmentsAreRead) {
  GgufDraft draft = TinyGguf(TinyConfig(), DType::kF32);
  draft.SetCount("general.alignment", 64);
  draft.alignment = 64;
  uint64_t offset = 0;
  for (GgufDraft::Tensor& tensor : draft.tensors) {
    tensor.offset = offset;
    offset = AlignUp(offset + tensor.bytes.size(), 64);
  }
  const std::string bytes = draft.Bytes();
  EXPECT_TRUE(ParseGgufCheckpoint(BytesOf(bytes), "file").ok());
}

TEST(GgufCheckpointTest, EveryTruncationIsRefused) {
  for (uint32_t version : {1, 3}) {
    const std::string bytes = TinyGguf(TinyConfig(), DType::kBf16, version).Bytes();
    for (size_t length = 0; length < bytes.size(); ++length) {
      const Status status = ParseGgufCheckpoint(BytesOf(bytes).first(length), "file").status();
      ASSERT_EQ(status.code(), StatusCode::kCorruption) << length;
      ASSERT_THAT(status.message(), StartsWith("file: ")) << length;
    }
  }
}

struct Case {
  const char* rule;
  void (*damage)(GgufDraft&);
  const char* message;
};

void ExpectRefused(std::span<const Case> cases) {
  for (const Case& c : cases) {
    GgufDraft draft = TinyGguf(TinyConfig(), DType::kF32);
    c.damage(draft);
    const std::string bytes = draft.Bytes();
    const Status status = ParseGgufCheckpoint(BytesOf(bytes), "file").status();
    EXPECT_FALSE(status.ok()) << c.rule;
    EXPECT_THAT(status.message(), StartsWith("file: ")) << c.rule;
    EXPECT_THAT(status.message(), HasSubstr(c.message)) << c.rule;
  }
}

TEST(GgufCheckpointTest, DamagedContainersAreRefusedByName) {
  const Case cases[] = {
      {"magic", [](GgufDraft& d) { d.magic = "GGML"; }, R"(begins with "GGML", expected "GGUF")"},
      {"version 0", [](GgufDraft& d) { d.version = 0; }, "GGUF version 0, expected 1 to 3"},
      {"version 4", [](GgufDraft& d) { d.version = 4; }, "GGUF version 4, expected 1 to 3"},
      {"big-endian", [](GgufDraft& d) { d.version = 0x03000000; }, "big-endian"},
      {"key twice", [](GgufDraft& d) { d.pairs.push_back(d.pairs[1]); },
       R"(key "llama.block_count" occurs twice)"},
      {"empty key", [](GgufDraft& d) { d.pairs[0].key = ""; }, "a key is 0 bytes long"},
      {"long key", [](GgufDraft& d) { d.pairs[0].key = std::string(65536, 'k'); },
       "a key is 65536 bytes long"},
      {"value type", [](GgufDraft& d) { d.pairs[1].type = 13; },
       R"(metadata "llama.block_count" is of the unknown type 13)"},
      {"bool", [](GgufDraft& d) { d.Set("flag", testing::kGgufBool, "\x02"); },
       R"(metadata "flag" is 2, expected 0 or 1)"},
      {"string length",
       [](GgufDraft& d) { d.Set("text", testing::kGgufString, Raw(UINT64_MAX) + "x"); },
       R"(metadata "text" at offset)"},
      {"array count",
       [](GgufDraft& d) {
         d.Set("list", testing::kGgufArray, Raw<uint32_t>(testing::kGgufUint32) + Raw(UINT64_MAX));
       },
       R"(metadata "list" has 18446744073709551615 elements)"},
      {"array depth",
       [](GgufDraft& d) {
         std::string nested;
         for (int i = 0; i < 100; ++i)
           nested += Raw<uint32_t>(testing::kGgufArray) + Raw<uint64_t>(1);
         d.Set("list", testing::kGgufArray, nested);
       },
       R"(metadata "list" nests arrays too deeply)"},
      {"alignment 0", [](GgufDraft& d) { d.SetCount("general.alignment", 0); },
       "general.alignment is 0"},
      {"alignment 48", [](GgufDraft& d) { d.SetCount("general.alignment", 48); },
       "general.alignment is 48, expected a power of two"},
      {"alignment huge", [](GgufDraft& d) { d.SetCount("general.alignment", 1U << 31); },
       "general.alignment is 2147483648"},
      {"tensor twice", [](GgufDraft& d) { d.tensors[1].name = d.tensors[0].name; },
       R"(tensor "token_embd.weight" occurs twice)"},
      {"rank",
       [](GgufDraft& d) {
         d.tensors[0].dimensions = {1, 1, 1, 1, 1};
       },
       R"(tensor "token_embd.weight": has 5 dimensions)"},
      {"shape overflows",
       [](GgufDraft& d) {
         d.tensors[0].dimensions = {uint64_t{1} << 33, uint64_t{1} << 33};
       },
       R"(tensor "token_embd.weight": its shape overflows)"},
      {"size overflows", [](GgufDraft& d) { d.tensors[0].dimensions = {uint64_t{1} << 63}; },
       R"(tensor "token_embd.weight": its shape overflows)"},
      {"quantised", [](GgufDraft& d) { d.Find("blk.1.attn_v.weight").type = 12; },
       R"(tensor "blk.1.attn_v.weight": is of type Q4_K, expected F32, F16 or BF16)"},
      {"integer", [](GgufDraft& d) { d.tensors[0].type = 26; }, "is of type I32"},
      {"unknown type", [](GgufDraft& d) { d.tensors[0].type = 1000; }, "is of type number 1000"},
      {"withdrawn type", [](GgufDraft& d) { d.tensors[0].type = 4; }, "is of type number 4"},
      {"overlap", [](GgufDraft& d) { d.tensors[3].offset -= 32; },
       R"(tensor "blk.0.attn_k.weight" begins at)"},
      {"gap", [](GgufDraft& d) { d.tensors.back().offset += 32; },
       R"(tensor "output.weight" begins at)"},
      {"unaligned", [](GgufDraft& d) { d.tensors[1].offset += 1; },
       R"(tensor "blk.0.attn_norm.weight" begins at)"},
      {"outside",
       [](GgufDraft& d) {
         d.tensors.back().dimensions = {16, 2000};
       },
       R"(tensor "output.weight" takes 128000 bytes)"},
      {"over-long", [](GgufDraft& d) { d.trailing = std::string(64, 'x'); }, "the tensors end at"},
  };
  ExpectRefused(cases);
}

TEST(GgufCheckpointTest, OtherModelsAreRefusedByName) {
  const Case cases[] = {
      {"architecture", [](GgufDraft& d) { d.SetText("general.architecture", "qwen2"); },
       R"(general.architecture is "qwen2", expected "llama")"},
      {"no architecture", [](GgufDraft& d) { d.Remove("general.architecture"); },
       R"(general.architecture is "")"},
      {"tensor layout", [](GgufDraft& d) { d.SetText("llama.tensor_data_layout", "other"); },
       R"(llama.tensor_data_layout is "other")"},
      {"rope scaling", [](GgufDraft& d) { d.SetText("llama.rope.scaling.type", "yarn"); },
       R"(llama.rope.scaling.type is "yarn", expected "none")"},
      {"rope factor", [](GgufDraft& d) { d.SetFloat("llama.rope.scaling.factor", 4.0F); },
       "llama.rope.scaling.factor is 4"},
      {"old rope factor", [](GgufDraft& d) { d.SetFloat("llama.rope.scale_linear", 2.0F); },
       "llama.rope.scale_linear is 2"},
      {"rope factors", [](GgufDraft& d) { d.tensors.back().name = "rope_freqs.weight"; },
       R"("rope_freqs.weight": scaled rotary positions)"},
      {"partial rope", [](GgufDraft& d) { d.SetCount("llama.rope.dimension_count", 2); },
       "llama.rope.dimension_count is 2, expected the head size 4"},
      {"value size", [](GgufDraft& d) { d.SetCount("llama.attention.value_length", 8); },
       "llama.attention.value_length is 8, expected the head size 4"},
      {"sliding window", [](GgufDraft& d) { d.SetCount("llama.attention.sliding_window", 512); },
       "llama.attention.sliding_window is 512"},
      {"experts", [](GgufDraft& d) { d.SetCount("llama.expert_count", 8); },
       "llama.expert_count is 8"},
      {"split", [](GgufDraft& d) { d.SetCount("split.count", 2); }, "one of several files"},
      {"parallel residual",
       [](GgufDraft& d) { d.Set("llama.use_parallel_residual", testing::kGgufBool, "\x01"); },
       "llama.use_parallel_residual"},
      {"bias", [](GgufDraft& d) { d.tensors.back().name = "blk.0.attn_q.bias"; },
       R"("blk.0.attn_q.bias" does not belong)"},
  };
  ExpectRefused(cases);
}

TEST(GgufCheckpointTest, ContradictionsAreRefusedByName) {
  const Case cases[] = {
      {"key is missing", [](GgufDraft& d) { d.Remove("llama.embedding_length"); },
       "metadata llama.embedding_length is missing"},
      {"epsilon is missing",
       [](GgufDraft& d) { d.Remove("llama.attention.layer_norm_rms_epsilon"); },
       "metadata llama.attention.layer_norm_rms_epsilon is missing"},
      {"key of another type", [](GgufDraft& d) { d.SetText("llama.block_count", "2"); },
       "metadata llama.block_count is of another type, expected a whole number"},
      {"negative count",
       [](GgufDraft& d) { d.Set("llama.block_count", testing::kGgufInt32, Raw<int32_t>(-1)); },
       "metadata llama.block_count is of another type"},
      {"number of another type", [](GgufDraft& d) { d.SetCount("llama.rope.freq_base", 10000); },
       "metadata llama.rope.freq_base is of another type"},
      {"epsilon",
       [](GgufDraft& d) {
         d.SetFloat("llama.attention.layer_norm_rms_epsilon",
                    std::numeric_limits<float>::quiet_NaN());
       },
       "rms_epsilon is nan"},
      {"no heads", [](GgufDraft& d) { d.SetCount("llama.attention.head_count", 0); },
       "llama.attention.head_count is 0"},
      {"heads do not divide", [](GgufDraft& d) { d.SetCount("llama.attention.head_count", 5); },
       "llama.embedding_length is 16, not a multiple of llama.attention.head_count 5"},
      {"KV heads", [](GgufDraft& d) { d.SetCount("llama.attention.head_count_kv", 3); },
       "query_heads is 4, not a multiple of kv_heads 3"},
      {"layers", [](GgufDraft& d) { d.SetCount("llama.block_count", 3); },
       R"("blk.2.attn_norm.weight", "blk.2.attn_q.weight", "blk.2.attn_k.weight" )"
       "and 6 more are missing"},
      {"fewer layers", [](GgufDraft& d) { d.SetCount("llama.block_count", 1); },
       R"("blk.1.attn_k.weight")"},
      {"neurons", [](GgufDraft& d) { d.SetCount("llama.feed_forward_length", 13); },
       R"(tensor "blk.0.ffn_gate.weight" has shape [12, 16], )"
       "but the file's metadata implies [13, 16]"},
      {"vocabulary", [](GgufDraft& d) { d.SetCount("llama.vocab_size", 21); },
       R"(llama.vocab_size is 21, but "token_embd.weight" has 20 rows)"},
      {"no embedding", [](GgufDraft& d) { d.tensors[0].name = "embd"; },
       R"("token_embd.weight" is missing)"},
      {"embedding is a vector", [](GgufDraft& d) { d.tensors[0].dimensions = {320}; },
       R"("token_embd.weight" is no matrix)"},
      {"missing tensor", [](GgufDraft& d) { d.Find("blk.1.ffn_up.weight").name = "blk.1.up"; },
       R"("blk.1.ffn_up.weight" is missing)"},
      {"bos", [](GgufDraft& d) { d.SetCount("tokenizer.ggml.bos_token_id", 20); },
       "tokenizer.ggml.bos_token_id is 20, expected a token id below 20"},
      {"eot", [](GgufDraft& d) { d.SetCount("tokenizer.ggml.eot_token_id", 20); },
       "tokenizer.ggml.eot_token_id is 20"},
      {"chat template", [](GgufDraft& d) { d.SetCount("tokenizer.chat_template", 1); },
       "tokenizer.chat_template is of another type"},
  };
  ExpectRefused(cases);
}

}  // namespace
}  // namespace elm
