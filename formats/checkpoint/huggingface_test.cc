#include "formats/checkpoint/huggingface.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/checkpoint/testing/tiny_directory.h"

namespace elm {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TinyConfig;
using testing::TinyDirectory;

void ExpectTinyModel(const Checkpoint& checkpoint, const ModelConfig& config, DType dtype) {
  EXPECT_EQ(checkpoint.config(), config);
  ASSERT_EQ(checkpoint.tensors().size(), ListTensors(config).size());
  for (size_t i = 0; i < checkpoint.tensors().size(); ++i) {
    const CheckpointTensor& tensor = checkpoint.tensors()[i];
    EXPECT_EQ(tensor.spec.name, ListTensors(config)[i].name);
    EXPECT_EQ(tensor.dtype, dtype);
    std::vector<float> values(tensor.spec.rows * tensor.spec.columns);
    ASSERT_TRUE(checkpoint.ReadFloat(i, values).ok());
    EXPECT_EQ(values, testing::TinyValues(tensor.spec)) << tensor.spec.name;
  }
}

Status Refusal(const TinyDirectory& directory) {
  return OpenHuggingFace(directory.path()).status();
}

TEST(HuggingFaceTest, OneFileOfEveryType) {
  for (DType dtype : {DType::kF32, DType::kF16, DType::kBf16}) {
    for (bool tied : {true, false}) {
      TinyDirectory directory(tied, dtype);
      directory.Write();
      const auto checkpoint = OpenHuggingFace(directory.path());
      ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().ToString();
      ExpectTinyModel(**checkpoint, TinyConfig(tied), dtype);
      EXPECT_EQ((*checkpoint)->tokenizer_path(), "");
      EXPECT_THAT((*checkpoint)->files(),
                  ElementsAre(directory.Path("config.json"), directory.Path("model.safetensors")));
    }
  }
}

TEST(HuggingFaceTest, SeveralFiles) {
  TinyDirectory directory;
  directory.WriteShards(7);
  directory.Add("tokenizer.model", "x");
  const auto checkpoint = OpenHuggingFace(directory.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().ToString();
  ExpectTinyModel(**checkpoint, TinyConfig(), DType::kF32);
  EXPECT_EQ((*checkpoint)->tokenizer_path(), directory.Path("tokenizer.model"));
  EXPECT_THAT(
      (*checkpoint)->files(),
      ElementsAre(directory.Path("config.json"), directory.Path("model-00001-of-00002.safetensors"),
                  directory.Path("model-00002-of-00002.safetensors"),
                  directory.Path("model.safetensors.index.json")));
}

TEST(HuggingFaceTest, RotaryTablesAreIgnored) {
  TinyDirectory directory;
  directory.tensors.push_back(
      {"model.layers.0.self_attn.rotary_emb.inv_freq", "F32", {2}, std::string(8, 'x')});
  directory.Write();
  EXPECT_TRUE(OpenHuggingFace(directory.path()).ok());
}

TEST(HuggingFaceTest, StoredHeadThatEqualsTheEmbeddingMayBeTied) {
  TinyDirectory directory(/*tied_head=*/true);
  testing::SafetensorsEntry head = directory.Find("model.embed_tokens.weight");
  head.name = "lm_head.weight";
  directory.tensors.push_back(head);
  directory.Write();
  const auto checkpoint = OpenHuggingFace(directory.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().ToString();
  ExpectTinyModel(**checkpoint, TinyConfig(true), DType::kF32);

  directory.tensors.back().bytes[5] ^= 1;
  directory.Write();
  EXPECT_THAT(Refusal(directory).message(),
              HasSubstr("tie_word_embeddings is true, but lm_head.weight"));
}

TEST(HuggingFaceTest, TensorsAreRefusedByName) {
  struct Case {
    const char* rule;
    void (*damage)(TinyDirectory&);
    StatusCode code;
    const char* message;
  };
  const Case cases[] = {
      {"missing",
       [](TinyDirectory& d) { d.Find("model.layers.1.mlp.up_proj.weight").name = "x.inv_freq"; },
       StatusCode::kCorruption, R"("model.layers.1.mlp.up_proj.weight" is missing)"},
      {"surplus",
       [](TinyDirectory& d) {
         d.tensors.push_back({"extra", "F32", {1}, "xxxx"});
       },
       StatusCode::kUnsupported, R"("extra" does not belong)"},
      {"bias",
       [](TinyDirectory& d) {
         d.tensors.push_back({"model.layers.0.self_attn.q_proj.bias", "F32", {1}, "xxxx"});
       },
       StatusCode::kUnsupported, R"("model.layers.0.self_attn.q_proj.bias" does not belong)"},
      {"type", [](TinyDirectory& d) { d.Find("model.norm.weight").dtype = "I32"; },
       StatusCode::kUnsupported,
       R"(model.safetensors: tensor "model.norm.weight" is of type "I32", )"
       "expected F32, F16 or BF16"},
      {"shape",
       [](TinyDirectory& d) {
         d.Find("model.layers.0.self_attn.k_proj.weight").shape = {16, 8};
       },
       StatusCode::kCorruption,
       R"(tensor "model.layers.0.self_attn.k_proj.weight" has shape [16, 8], )"
       "but config.json implies [8, 16]"},
      {"norm is a matrix",
       [](TinyDirectory& d) {
         d.Find("model.norm.weight").shape = {1, 16};
       },
       StatusCode::kCorruption, R"("model.norm.weight" has shape [1, 16])"},
      {"config has other neurons", [](TinyDirectory& d) { d.config["intermediate_size"] = 11; },
       StatusCode::kCorruption, R"(mlp.gate_proj.weight" has shape [12, 16])"},
      {"config has fewer layers", [](TinyDirectory& d) { d.config["num_hidden_layers"] = 1; },
       StatusCode::kUnsupported, "and 6 more do not belong"},
      {"config has more layers", [](TinyDirectory& d) { d.config["num_hidden_layers"] = 3; },
       StatusCode::kCorruption, "and 6 more are missing"},
      {"config has other KV heads", [](TinyDirectory& d) { d.config["num_key_value_heads"] = 4; },
       StatusCode::kCorruption, "implies [16, 16]"},
      {"tied, but the head is stored",
       [](TinyDirectory& d) { d.config["tie_word_embeddings"] = true; }, StatusCode::kCorruption,
       "differs from the embedding"},
      {"untied, but the head is missing", [](TinyDirectory& d) { d.tensors.pop_back(); },
       StatusCode::kCorruption, R"("lm_head.weight" is missing)"},
  };
  for (const Case& c : cases) {
    TinyDirectory directory;
    c.damage(directory);
    directory.Write();
    const Status status = Refusal(directory);
    EXPECT_EQ(status.code(), c.code) << c.rule;
    EXPECT_THAT(status.message(), HasSubstr(directory.path())) << c.rule;
    EXPECT_THAT(status.message(), HasSubstr(c.message)) << c.rule;
  }
}

TEST(HuggingFaceTest, IndexAndFilesMustAgree) {
  struct Case {
    const char* rule;
    void (*damage)(json&);
    const char* message;
  };
  const Case cases[] = {
      {"no map", [](json& index) { index.erase("weight_map"); }, "weight_map is missing"},
      {"path", [](json& index) { index["weight_map"]["lm_head.weight"] = "../model.safetensors"; },
       R"("lm_head.weight" lies in "../model.safetensors")"},
      {"parent", [](json& index) { index["weight_map"]["lm_head.weight"] = ".."; },
       R"("lm_head.weight" lies in "..")"},
      {"no string", [](json& index) { index["weight_map"]["lm_head.weight"] = 1; },
       R"("lm_head.weight" lies in 1)"},
      {"missing file",
       [](json& index) { index["weight_map"]["lm_head.weight"] = "none.safetensors"; },
       "none.safetensors: No such file"},
      {"wrong file",
       [](json& index) {
         index["weight_map"]["lm_head.weight"] = "model-00001-of-00002.safetensors";
       },
       R"(tensor "lm_head.weight" is not in "model-00001-of-00002.safetensors")"},
      {"unlisted", [](json& index) { index["weight_map"].erase("lm_head.weight"); },
       R"(tensor "lm_head.weight" is not listed)"},
      {"ghost",
       [](json& index) { index["weight_map"]["ghost"] = "model-00001-of-00002.safetensors"; },
       R"(tensor "ghost" is not in)"},
  };
  for (const Case& c : cases) {
    const TinyDirectory directory;
    json index = directory.WriteShards(7);
    ASSERT_TRUE(Refusal(directory).ok());
    c.damage(index);
    directory.Add("model.safetensors.index.json", index.dump());
    const Status status = Refusal(directory);
    EXPECT_FALSE(status.ok()) << c.rule;
    EXPECT_THAT(status.message(), HasSubstr(c.message)) << c.rule;
  }
}

TEST(HuggingFaceTest, TensorInTwoFilesIsRefused) {
  TinyDirectory directory;
  directory.tensors.push_back(directory.tensors.front());
  directory.WriteShards(7);
  EXPECT_THAT(Refusal(directory).message(),
              HasSubstr(R"(tensor "model.embed_tokens.weight" lies in )"));
}

TEST(HuggingFaceTest, PicklesAreRefusedByName) {
  for (const char* name : {"pytorch_model.bin", "consolidated.00.pth", "model.pt"}) {
    const TinyDirectory directory;
    directory.Add("config.json", directory.config.dump());
    directory.Add(name, "x");
    const Status status = Refusal(directory);
    EXPECT_EQ(status.code(), StatusCode::kUnsupported);
    EXPECT_THAT(status.message(), HasSubstr(directory.Path(name)));
    EXPECT_THAT(status.message(), HasSubstr("convert them to safetensors"));
  }
}

TEST(HuggingFaceTest, DirectoryWithoutWeightsIsRefused) {
  const TinyDirectory directory;
  directory.Add("config.json", directory.config.dump());
  EXPECT_EQ(Refusal(directory).code(), StatusCode::kNotFound);
  EXPECT_THAT(Refusal(directory).message(), HasSubstr("neither model.safetensors nor"));
}

TEST(HuggingFaceTest, DuplicateKeyInTheConfigIsRefused) {
  const TinyDirectory directory;
  directory.Write();
  directory.Add("config.json", R"({"hidden_size": 16, "hidden_size": 32})");
  EXPECT_THAT(Refusal(directory).message(),
              HasSubstr(R"(config.json: key "hidden_size" occurs twice)"));
}

// What a directory with these files states.
Result<SpecialTokens> Tokens(const json& config_change,
                             std::initializer_list<std::pair<const char*, const char*>> files) {
  TinyDirectory directory;
  directory.config.merge_patch(config_change);
  directory.Write();
  for (const auto& [name, contents] : files) directory.Add(name, contents);
  const auto checkpoint = OpenHuggingFace(directory.path());
  if (!checkpoint.ok()) return checkpoint.status();
  EXPECT_EQ((*checkpoint)->files().size(), 2 + files.size());
  return (*checkpoint)->special_tokens();
}

TEST(HuggingFaceTest, SpecialTokensComeFromTheConfig) {
  EXPECT_EQ(*Tokens(json::object(), {}), (SpecialTokens{1, {2}, ""}));
  EXPECT_EQ(*Tokens({{"eos_token_id", {7, 8}}, {"bos_token_id", nullptr}}, {}),
            (SpecialTokens{std::nullopt, {7, 8}, ""}));
}

TEST(HuggingFaceTest, GenerationConfigWins) {
  EXPECT_EQ(*Tokens(json::object(), {{"generation_config.json", R"({"eos_token_id": [3, 4]})"}}),
            (SpecialTokens{1, {3, 4}, ""}));
}

TEST(HuggingFaceTest, ChatTemplates) {
  EXPECT_EQ(Tokens(json::object(), {{"tokenizer_config.json", R"({"chat_template": "one"})"}})
                ->chat_template,
            "one");
  const char* list = R"({"chat_template": [{"name": "tool_use", "template": "two"},
                                           {"name": "default", "template": "three"}]})";
  EXPECT_EQ(Tokens(json::object(), {{"tokenizer_config.json", list}})->chat_template, "three");
  EXPECT_EQ(Tokens(json::object(), {{"chat_template.jinja", "four"}})->chat_template, "four");
}

TEST(HuggingFaceTest, BadSpecialTokensAreRefusedByName) {
  struct Case {
    json config_change;
    std::pair<const char*, const char*> file;
    const char* message;
  };
  const Case cases[] = {
      {{{"bos_token_id", 20}}, {"a", ""}, "config.json: bos_token_id is 20"},
      {{{"eos_token_id", {2, 20}}}, {"a", ""}, "config.json: eos_token_id is [2,20]"},
      {{{"eos_token_id", -1}}, {"a", ""}, "config.json: eos_token_id is -1"},
      {{{"eos_token_id", "</s>"}}, {"a", ""}, R"(config.json: eos_token_id is "</s>")"},
      {json::object(),
       {"generation_config.json", R"({"eos_token_id": 99})"},
       "generation_config.json: eos_token_id is 99, expected token ids below vocab_size 20"},
      {json::object(), {"generation_config.json", "{"}, "generation_config.json: not valid JSON"},
      {json::object(), {"generation_config.json", "[]"}, "generation_config.json: no JSON object"},
      {json::object(), {"tokenizer_config.json", R"({"chat_template": 3})"}, "chat_template is 3"},
      {json::object(), {"chat_template.jinja", "\xFF"}, "chat_template.jinja: not UTF-8"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(Tokens(c.config_change, {c.file}).status().message(), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace elm
