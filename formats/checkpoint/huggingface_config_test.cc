#include "formats/checkpoint/huggingface_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/checkpoint/testing/tiny_model.h"

namespace elm {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::TinyConfig;
using testing::TinyConfigJson;

// As read from a file: a number made in memory is of another type than one that was parsed.
ModelConfig Parse(const json& config) {
  const Result<ModelConfig> parsed =
      ParseHuggingFaceConfig(json::parse(config.dump()), "config.json");
  EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
  return parsed.ok() ? *parsed : ModelConfig();
}

TEST(HuggingFaceConfigTest, ReadsEveryField) {
  json config = TinyConfigJson(TinyConfig());
  config["head_dim"] = 6;
  config["rope_theta"] = 500000;
  config["rms_norm_eps"] = 1e-6;
  ModelConfig expected = TinyConfig();
  expected.head_dim = 6;
  expected.rope_theta = 500000.0F;
  expected.rms_epsilon = 1e-6F;
  EXPECT_EQ(Parse(config), expected);
}

TEST(HuggingFaceConfigTest, AbsentFieldsTakeHuggingFacesDefaults) {
  json config = TinyConfigJson(TinyConfig());
  for (const char* key : {"num_key_value_heads", "rms_norm_eps", "tie_word_embeddings"}) {
    config.erase(key);
  }
  ModelConfig expected = TinyConfig();
  expected.kv_heads = expected.query_heads;
  expected.rms_epsilon = 1e-6F;
  EXPECT_EQ(Parse(config), expected);
  config["num_key_value_heads"] = nullptr;
  EXPECT_EQ(Parse(config), expected);
  config["architectures"] = {"MistralForCausalLM"};
  config["num_attention_heads"] = 8;
  config["head_dim"] = 2;
  EXPECT_EQ(Parse(config).kv_heads, 8U);
}

TEST(HuggingFaceConfigTest, NeutralSettingsAreAccepted) {
  json config = TinyConfigJson(TinyConfig());
  config.update(json::parse(R"({
      "architectures": ["MistralForCausalLM"], "sliding_window": null, "rope_scaling": null,
      "attention_bias": false, "mlp_bias": false, "hidden_act": "silu",
      "partial_rotary_factor": 1.0, "layer_types": ["full_attention", "full_attention"],
      "rope_parameters": {"rope_type": "default", "rope_theta": 20000.0}})"));
  EXPECT_EQ(Parse(config).rope_theta, 20000.0F);
  config["rope_theta"] = 20000.0;
  config["rope_scaling"] = {{"type", "default"}};
  EXPECT_EQ(Parse(config).rope_theta, 20000.0F);
}

TEST(HuggingFaceConfigTest, RefusesByName) {
  struct Case {
    const char* change;  // merged into the configuration; null removes a key
    StatusCode code;
    const char* message;
  };
  const auto kBad = StatusCode::kCorruption;
  const auto kOther = StatusCode::kUnsupported;
  const Case cases[] = {
      {R"({"architectures": null})", kBad, "architectures is missing"},
      {R"({"architectures": ["Qwen2ForCausalLM"]})", kOther,
       R"(architectures is ["Qwen2ForCausalLM"], expected one of LlamaForCausalLM)"},
      {R"({"architectures": ["LlamaForCausalLM", "MistralForCausalLM"]})", kOther, "architectures"},
      {R"({"architectures": "LlamaForCausalLM"})", kOther, "architectures"},
      {R"({"rope_scaling": {"type": "linear", "factor": 2.0}})", kOther,
       R"(rope_scaling asks for rotary positions scaled by "linear")"},
      {R"({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}})", kOther, R"("llama3")"},
      {R"({"rope_scaling": 2.0})", kBad, "rope_scaling is 2.0, expected an object"},
      {R"({"rope_parameters": {"rope_type": "yarn"}})", kOther,
       R"(rope_parameters asks for rotary positions scaled by "yarn")"},
      {R"({"rope_parameters": {"partial_rotary_factor": 0.5}})", kOther, "partial_rotary_factor"},
      {R"({"rope_theta": 10000.0, "rope_parameters": {"rope_theta": 20000.0}})", kBad,
       "rope_theta is 10000, but rope_parameters says 20000"},
      {R"({"partial_rotary_factor": 0.5})", kOther, "partial_rotary_factor is 0.5"},
      {R"({"attention_bias": true})", kOther, "attention_bias is true"},
      {R"({"mlp_bias": true})", kOther, "mlp_bias is true"},
      {R"({"attention_bias": 1})", kBad, "attention_bias is 1, expected true or false"},
      {R"({"sliding_window": 4096})", kOther, "sliding_window is 4096"},
      {R"({"layer_types": ["full_attention", "sliding_attention"]})", kOther,
       R"(layer_types holds "sliding_attention")"},
      {R"({"hidden_act": "gelu"})", kOther, R"(hidden_act is "gelu", expected silu)"},
      {R"({"quantization_config": {"bits": 4}})", kOther, "quantization_config is set"},
      {R"({"hidden_size": null})", kBad, "hidden_size is missing"},
      {R"({"hidden_size": "16"})", kBad, R"(hidden_size is "16", expected a whole number)"},
      {R"({"hidden_size": 16.0})", kBad, "hidden_size is 16.0"},
      {R"({"hidden_size": -16})", kBad, "hidden_size is -16"},
      {R"({"hidden_size": 4294967312})", kBad, "hidden_size is 4294967312"},
      {R"({"hidden_size": 18})", kBad,
       "hidden_size is 18, not a multiple of num_attention_heads 4"},
      {R"({"num_attention_heads": 0})", kBad, "num_attention_heads 0"},
      {R"({"num_key_value_heads": 3})", kBad, "query_heads is 4, not a multiple of kv_heads 3"},
      {R"({"head_dim": 5})", kBad, "head_dim is 5"},
      {R"({"num_hidden_layers": 100000})", kBad, "layers is 100000, expected 1 to 1024"},
      {R"({"vocab_size": 0})", kBad, "vocab is 0"},
      {R"({"rope_theta": -1})", kBad, "rope_theta is -1"},
      {R"({"rope_theta": 1e300})", kBad, "rope_theta is inf"},
      {R"({"rms_norm_eps": 0})", kBad, "rms_epsilon is 0"},
      {R"({"rms_norm_eps": "tiny"})", kBad, R"(rms_norm_eps is "tiny", expected a number)"},
      {R"({"tie_word_embeddings": "yes"})", kBad, R"(tie_word_embeddings is "yes")"},
  };
  for (const Case& c : cases) {
    json config = TinyConfigJson(TinyConfig());
    config.merge_patch(json::parse(c.change));
    const Status status = ParseHuggingFaceConfig(config, "config.json").status();
    EXPECT_EQ(status.code(), c.code) << c.change;
    EXPECT_THAT(status.message(), StartsWith("config.json: ")) << c.change;
    EXPECT_THAT(status.message(), HasSubstr(c.message)) << c.change;
  }
  EXPECT_THAT(ParseHuggingFaceConfig(json(3), "config.json").status().message(),
              HasSubstr("no JSON object"));
}

}  // namespace
}  // namespace elm
