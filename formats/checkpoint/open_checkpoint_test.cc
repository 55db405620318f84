#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "formats/base/testing/assets.h"
#include "formats/checkpoint/checkpoint.h"
#include "formats/checkpoint/testing/tiny_directory.h"
#include "formats/checkpoint/testing/tiny_gguf.h"

namespace elm {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::TinyConfig;
using testing::TinyDirectory;

std::unique_ptr<Checkpoint> Open(const std::string& path) {
  Result<std::unique_ptr<Checkpoint>> checkpoint = OpenCheckpoint(path);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().ToString();
  return checkpoint.ok() ? std::move(checkpoint).value() : nullptr;
}

std::vector<float> ReadValues(const Checkpoint& checkpoint, size_t index) {
  const TensorSpec& spec = checkpoint.tensors()[index].spec;
  std::vector<float> values(spec.rows * spec.columns);
  const Status status = checkpoint.ReadFloat(index, values);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return values;
}

void ExpectSameModel(const Checkpoint& a, const Checkpoint& b) {
  EXPECT_EQ(a.config(), b.config());
  ASSERT_EQ(a.tensors().size(), b.tensors().size());
  for (size_t i = 0; i < a.tensors().size(); ++i) {
    EXPECT_EQ(a.tensors()[i].spec.name, b.tensors()[i].spec.name);
    EXPECT_EQ(ReadValues(a, i), ReadValues(b, i)) << a.tensors()[i].spec.name;
  }
}

TEST(OpenCheckpointTest, TellsFormsApartByContent) {
  TinyDirectory directory(/*tied_head=*/false);
  directory.Write();
  directory.Add("a", testing::Llama2cBytes(TinyConfig(), 0));
  directory.Add("b", testing::Llama2cBytes(TinyConfig(), 1));
  directory.Add("c", testing::Llama2cBytes(TinyConfig(), 2));
  directory.Add("d", testing::TinyGguf(TinyConfig(), DType::kF32).Bytes());
  const auto hugging_face = Open(directory.path() + "/");
  ASSERT_NE(hugging_face, nullptr);
  const std::pair<const char*, const char*> forms[] = {
      {"a", "llama2.c v0"}, {"b", "llama2.c v1"}, {"c", "llama2.c v2"}, {"d", "GGUF v3"}};
  for (const auto& [name, form] : forms) {
    const auto checkpoint = Open(directory.Path(name));
    ASSERT_NE(checkpoint, nullptr);
    EXPECT_EQ(checkpoint->form(), form);
    EXPECT_EQ(checkpoint->tokenizer_path(), "");
    EXPECT_THAT(checkpoint->files(), ::testing::ElementsAre(directory.Path(name)));
    ExpectSameModel(*checkpoint, *hugging_face);
  }
}

TEST(OpenCheckpointTest, AnythingElseIsRefusedWithAdvice) {
  const TinyDirectory directory;
  struct Case {
    std::string contents;
    StatusCode code;
    const char* message;
  };
  const Case cases[] = {
      {"", StatusCode::kCorruption, "empty, expected a Hugging Face directory"},
      {"Once upon a time, there was a little girl named Lily.", StatusCode::kUnsupported,
       "of no known form, expected a Hugging Face directory"},
      {"x", StatusCode::kUnsupported, "of no known form"},
      {std::string("PK\x03\x04 and so on"), StatusCode::kUnsupported, "pickle"},
      {std::string("\x80\x02}q"), StatusCode::kUnsupported, "convert them to safetensors"},
      {testing::SafetensorsBytes({}), StatusCode::kInvalidArgument,
       "give the directory that holds it"},
  };
  for (const Case& c : cases) {
    directory.Add("file", c.contents);
    const Status status = OpenCheckpoint(directory.Path("file")).status();
    EXPECT_EQ(status.code(), c.code) << c.message;
    EXPECT_THAT(status.message(), HasSubstr(directory.Path("file"))) << c.message;
    EXPECT_THAT(status.message(), HasSubstr(c.message));
  }
  EXPECT_EQ(OpenCheckpoint(directory.Path("none")).status().code(), StatusCode::kNotFound);
  const Status no_config = OpenCheckpoint(directory.path()).status();
  EXPECT_EQ(no_config.code(), StatusCode::kNotFound);
  EXPECT_THAT(no_config.message(), HasSubstr("a directory without config.json"));
}

TEST(OpenCheckpointTest, NanAndInfiniteWeightsAreRefusedByName) {
  for (DType dtype : {DType::kF32, DType::kF16, DType::kBf16}) {
    for (float bad : {std::nanf(""), std::numeric_limits<float>::infinity(),
                      -std::numeric_limits<float>::infinity()}) {
      TinyDirectory directory(false, dtype);
      const std::string name = "model.layers.1.self_attn.v_proj.weight";
      // Row 2, column 5 of 16.
      const size_t offset = (2 * 16 + 5) * DTypeSize(dtype);
      directory.Find(name).bytes.replace(offset, DTypeSize(dtype), testing::Encode({bad}, dtype));
      directory.Write();
      const auto checkpoint = Open(directory.path());
      ASSERT_NE(checkpoint, nullptr);
      const size_t index = *checkpoint->Find(name);
      std::vector<float> values(8 * 16);
      const Status status = checkpoint->ReadFloat(index, values);
      EXPECT_EQ(status.code(), StatusCode::kCorruption);
      EXPECT_THAT(status.message(), HasSubstr(name));
      EXPECT_THAT(status.message(), HasSubstr("at row 2, column 5"));
      ReadValues(*checkpoint, index + 1);
    }
  }
}

// Resident pages of mapped files, in KiB.
long ResidentFileKib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::stol(line.substr(8));
  }
  ADD_FAILURE() << "no RssFile in /proc/self/status";
  return 0;
}

TEST(OpenCheckpointTest, WhatWasReadIsNotKeptInMemoryTwice) {
  TinyDirectory directory(/*tied_head=*/true, DType::kF16);
  constexpr uint32_t kVocab = 1 << 20;  // 32 MiB of embedding
  directory.config["vocab_size"] = kVocab;
  testing::SafetensorsEntry& embedding = directory.Find("model.embed_tokens.weight");
  embedding.shape[0] = kVocab;
  embedding.bytes.assign(size_t{kVocab} * 16 * 2, '\x11');
  directory.Write();
  const auto checkpoint = Open(directory.path());
  ASSERT_NE(checkpoint, nullptr);
  const long before = ResidentFileKib();
  const std::vector<float> values = ReadValues(*checkpoint, 0);
  EXPECT_EQ(values.front(), values.back());
  EXPECT_LT(ResidentFileKib() - before, 4096);
}

TEST(OpenCheckpointTest, WrongRoomIsRefused) {
  const TinyDirectory directory;
  directory.Write();
  const auto checkpoint = Open(directory.path());
  ASSERT_NE(checkpoint, nullptr);
  std::vector<std::byte> bytes(3);
  std::vector<float> values(3);
  EXPECT_EQ(checkpoint->Read(0, bytes).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(checkpoint->ReadFloat(0, values).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(checkpoint->Read(1000, bytes).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(checkpoint->ReadFloat(1000, values).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(checkpoint->Find("none").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(*checkpoint->Find("model.embed_tokens.weight"), 0U);
}

TEST(OpenCheckpointTest, ThreeFormsOfStories260KAreOneModel) {
  const std::string folder = AssetPath("models/stories260K");
  if (folder.empty()) GTEST_SKIP() << MissingAsset("models/stories260K");
  const auto hugging_face = Open(folder + "/hf");
  const auto llama2c = Open(folder + "/stories260K.bin");
  const auto gguf = Open(folder + "/stories260K-f32.gguf");
  ASSERT_TRUE(hugging_face && llama2c && gguf);
  EXPECT_EQ(llama2c->form(), "llama2.c v0");
  EXPECT_THAT(gguf->form(), ::testing::StartsWith("GGUF v"));
  ExpectSameModel(*hugging_face, *llama2c);
  ExpectSameModel(*hugging_face, *gguf);
  EXPECT_EQ(hugging_face->special_tokens(), gguf->special_tokens());
  EXPECT_THAT(hugging_face->tokenizer_path(), EndsWith("tokenizer.model"));
}

TEST(OpenCheckpointTest, TwoFormsOfBabyllamaAreOneModel) {
  const std::string folder = AssetPath("models/babyllama105");
  if (folder.empty()) GTEST_SKIP() << MissingAsset("models/babyllama105");
  const auto hugging_face = Open(folder + "/hf");
  const auto llama2c = Open(folder + "/model5000.bin");
  ASSERT_TRUE(hugging_face && llama2c);
  ExpectSameModel(*hugging_face, *llama2c);
}

TEST(OpenCheckpointTest, ShardedBf16WithOneKvHead) {
  const std::string folder = AssetPath("models/llama_sharded_tiny");
  if (folder.empty()) GTEST_SKIP() << MissingAsset("models/llama_sharded_tiny");
  const auto checkpoint = Open(folder);
  ASSERT_NE(checkpoint, nullptr);
  EXPECT_EQ(checkpoint->config(), (ModelConfig{.layers = 3,
                                               .width = 64,
                                               .query_heads = 4,
                                               .kv_heads = 1,
                                               .head_dim = 32,
                                               .neurons = 96,
                                               .vocab = 4096,
                                               .context = 512,
                                               .rope_theta = 500000.0F,
                                               .rms_epsilon = 1e-6F,
                                               .tied_head = false}));
  EXPECT_EQ(checkpoint->files().size(), 4U);
  for (size_t i = 0; i < checkpoint->tensors().size(); ++i) {
    EXPECT_EQ(checkpoint->tensors()[i].dtype, DType::kBf16);
    ReadValues(*checkpoint, i);
  }
}

TEST(OpenCheckpointTest, F16WithAllKvHeads) {
  const std::string folder = AssetPath("models/llama_mha_tiny");
  if (folder.empty()) GTEST_SKIP() << MissingAsset("models/llama_mha_tiny");
  const auto checkpoint = Open(folder);
  ASSERT_NE(checkpoint, nullptr);
  EXPECT_EQ(checkpoint->config(), (ModelConfig{.layers = 3,
                                               .width = 64,
                                               .query_heads = 4,
                                               .kv_heads = 4,
                                               .head_dim = 16,
                                               .neurons = 96,
                                               .vocab = 4096,
                                               .context = 512,
                                               .rope_theta = 500000.0F,
                                               .rms_epsilon = 1e-6F,
                                               .tied_head = false}));
  EXPECT_EQ(checkpoint->special_tokens(), (SpecialTokens{1, {2}, ""}));
  for (size_t i = 0; i < checkpoint->tensors().size(); ++i) {
    EXPECT_EQ(checkpoint->tensors()[i].dtype, DType::kF16);
    ReadValues(*checkpoint, i);
  }
}

TEST(OpenCheckpointTest, OtherArchitecturesAreRefusedByName) {
  const std::string folder = AssetPath("models/mobilebert_tiny_random");
  if (folder.empty()) GTEST_SKIP() << MissingAsset("models/mobilebert_tiny_random");
  const Status status = OpenCheckpoint(folder).status();
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("MobileBertForPreTraining"));
}

}  // namespace
}  // namespace elm
