#include "formats/model/tensor_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace elm {
namespace {

using ::testing::ElementsAre;

// Every size differs, so that no two can be mixed up unnoticed.
ModelConfig Config() {
  return {.layers = 2,
          .width = 10,
          .query_heads = 3,
          .kv_heads = 1,
          .head_dim = 4,
          .neurons = 7,
          .vocab = 20,
          .context = 8};
}

std::vector<std::string> Describe(const ModelConfig& config) {
  std::vector<std::string> lines;
  for (const TensorSpec& spec : ListTensors(config)) {
    lines.push_back(
        StrCat(spec.name, " ", spec.rows, "x", spec.columns, spec.is_vector() ? " vector" : ""));
  }
  return lines;
}

TEST(TensorListTest, NamesAndShapesAreHuggingFaces) {
  ModelConfig config = Config();
  config.layers = 1;
  EXPECT_THAT(Describe(config),
              ElementsAre("model.embed_tokens.weight 20x10",
                          "model.layers.0.input_layernorm.weight 1x10 vector",
                          "model.layers.0.self_attn.q_proj.weight 12x10",
                          "model.layers.0.self_attn.k_proj.weight 4x10",
                          "model.layers.0.self_attn.v_proj.weight 4x10",
                          "model.layers.0.self_attn.o_proj.weight 10x12",
                          "model.layers.0.post_attention_layernorm.weight 1x10 vector",
                          "model.layers.0.mlp.gate_proj.weight 7x10",
                          "model.layers.0.mlp.up_proj.weight 7x10",
                          "model.layers.0.mlp.down_proj.weight 10x7",
                          "model.norm.weight 1x10 vector", "lm_head.weight 20x10"));
}

TEST(TensorListTest, TiedHeadIsAbsent) {
  ModelConfig config = Config();
  EXPECT_EQ(ListTensors(config).back().role, TensorRole::kHead);
  config.tied_head = true;
  EXPECT_EQ(ListTensors(config).back().role, TensorRole::kFinalNorm);
}

TEST(TensorListTest, EveryLayerHasItsOwnNames) {
  std::set<std::string> names;
  const std::vector<TensorSpec> list = ListTensors(Config());
  EXPECT_EQ(list.size(), 1U + 9 * 2 + 1 + 1);
  for (const TensorSpec& spec : list) {
    EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
    EXPECT_EQ(spec.name, TensorName(spec.role, spec.layer));
  }
}

}  // namespace
}  // namespace elm
