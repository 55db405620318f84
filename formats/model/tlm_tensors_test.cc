#include "formats/model/tlm_tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "formats/model/testing/tiny_tlm.h"

namespace elm {
namespace {

using testing::TinyTlmConfig;

const TlmTensorSpec& Find(const std::vector<TlmTensorSpec>& list, const std::string& name) {
  for (const TlmTensorSpec& spec : list) {
    if (TlmTensorName(spec) == name) return spec;
  }
  ADD_FAILURE() << name;
  return list.front();
}

TEST(TlmTensorsTest, NamesAreUnique) {
  const auto list = ListTlmTensors(TinyTlmConfig());
  std::set<std::string> names;
  for (const TlmTensorSpec& spec : list) names.insert(TlmTensorName(spec));
  EXPECT_EQ(names.size(), list.size());
  // 3 tables, projection and norm; per layer 7 products and 4 norms, and 3 of each of the two
  // networks; 4 heads; two tensors each but for the tables.
  EXPECT_EQ(list.size(), 3 + 2 * 2 + 3 * 2 * (7 + 4 + 2 * 3) + 4 * 2);
}

TEST(TlmTensorsTest, BranchesHaveLayersOfTheirOwn) {
  const auto list = ListTlmTensors(TinyTlmConfig());
  for (const char* name :
       {"shared.layers.0.attention.query.weight", "score.layers.1.attention.query.weight",
        "decision.layers.1.attention.query.weight", "score.head.weight", "score.head.bias",
        "decision.grid_head.weight", "score.layers.1.feed_forward.1.norm.bias",
        "embeddings.projection.bias"}) {
    Find(list, name);
  }
}

TEST(TlmTensorsTest, Shapes) {
  const TlmConfig config = TinyTlmConfig();
  const auto list = ListTlmTensors(config);
  struct Shape {
    const char* name;
    uint64_t rows;
    uint64_t columns;
    bool vector;
  };
  for (const Shape& shape : {
           Shape{"embeddings.words.weight", 16, 8, false},
           Shape{"embeddings.positions.weight", 24, 32, false},
           Shape{"embeddings.token_types.weight", 2, 32, false},
           Shape{"embeddings.projection.weight", 32, 24, false},
           Shape{"embeddings.projection.bias", 1, 32, true},
           Shape{"embeddings.norm.weight", 1, 32, true},
           Shape{"shared.layers.0.input_bottleneck.weight", 8, 32, false},
           Shape{"shared.layers.0.attention.value.weight", 8, 32, false},
           Shape{"shared.layers.0.attention.key.bias", 1, 8, true},
           Shape{"shared.layers.0.feed_forward.1.in.weight", 12, 8, false},
           Shape{"shared.layers.0.feed_forward.1.in.bias", 1, 12, true},
           Shape{"shared.layers.0.feed_forward.1.out.weight", 8, 12, false},
           Shape{"shared.layers.0.output_bottleneck.weight", 32, 8, false},
           Shape{"shared.layers.0.output_bottleneck.norm.bias", 1, 32, true},
           Shape{"score.head.weight", 1, 32, false},
           Shape{"decision.prompt_classifier.weight", 3, 32, false},
           Shape{"decision.model_classifier.weight", 2, 32, false},
           Shape{"decision.grid_head.weight", 6, 32, false},
           Shape{"decision.grid_head.bias", 1, 6, true},
       }) {
    const TlmTensorSpec& spec = Find(list, shape.name);
    EXPECT_EQ(spec.rows, shape.rows) << shape.name;
    EXPECT_EQ(spec.columns, shape.columns) << shape.name;
    EXPECT_EQ(spec.is_vector(), shape.vector) << shape.name;
  }
}

TEST(TlmTensorsTest, HuggingFaceNames) {
  const TlmConfig config = TinyTlmConfig();
  const auto list = ListTlmTensors(config);
  struct Name {
    const char* ours;
    const char* theirs;
  };
  const std::string layer = "mobilebert.encoder.layer.1.";
  for (const Name& name : {
           Name{"score.layers.1.input_bottleneck.norm.bias", "bottleneck.input.LayerNorm.bias"},
           Name{"decision.layers.1.attention_bottleneck.weight",
                "bottleneck.attention.dense.weight"},
           Name{"score.layers.1.attention.output.bias", "attention.output.dense.bias"},
           Name{"score.layers.1.attention.norm.weight", "attention.output.LayerNorm.weight"},
           Name{"score.layers.1.feed_forward.0.in.weight", "ffn.0.intermediate.dense.weight"},
           Name{"score.layers.1.feed_forward.0.norm.weight", "ffn.0.output.LayerNorm.weight"},
           // The last one is the layer's own.
           Name{"score.layers.1.feed_forward.1.in.weight", "intermediate.dense.weight"},
           Name{"score.layers.1.feed_forward.1.out.bias", "output.dense.bias"},
           Name{"score.layers.1.feed_forward.1.norm.bias", "output.LayerNorm.bias"},
           Name{"score.layers.1.output_bottleneck.weight", "output.bottleneck.dense.weight"},
           Name{"score.layers.1.output_bottleneck.norm.bias", "output.bottleneck.LayerNorm.bias"},
       }) {
    EXPECT_EQ(MobileBertName(config, Find(list, name.ours)), layer + name.theirs);
  }
  EXPECT_EQ(MobileBertName(config, Find(list, "embeddings.projection.weight")),
            "mobilebert.embeddings.embedding_transformation.weight");
  EXPECT_EQ(MobileBertName(config, Find(list, "score.head.weight")), std::nullopt);
}

TEST(TlmTensorsTest, TwoNormsHaveAnotherEpsilon) {
  TlmConfig config = TinyTlmConfig();
  config.norm_epsilon = 1e-9F;
  EXPECT_EQ(NormEpsilon(config, TlmRole::kEmbeddingNorm, 0), kPlainNormEpsilon);
  EXPECT_EQ(NormEpsilon(config, TlmRole::kFeedForwardNorm, 1), kPlainNormEpsilon);
  EXPECT_EQ(NormEpsilon(config, TlmRole::kFeedForwardNorm, 0), 1e-9F);
  EXPECT_EQ(NormEpsilon(config, TlmRole::kAttentionNorm, 0), 1e-9F);
}

}  // namespace
}  // namespace elm
