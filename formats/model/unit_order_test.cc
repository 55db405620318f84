#include "formats/model/unit_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// 4 query heads of 2 elements over 2 KV heads, 3 neurons, width 5.
ModelConfig Config() {
  return {.layers = 2,
          .width = 5,
          .query_heads = 4,
          .kv_heads = 2,
          .head_dim = 2,
          .neurons = 3,
          .vocab = 7,
          .context = 16};
}

UnitOrder Shuffled() {
  UnitOrder order = IdentityOrder(Config());
  order.layers[1] = {{3, 0, 2, 1}, {1, 0}, {2, 0, 1}};
  return order;
}

TensorSpec SpecOf(TensorRole role, uint32_t layer) {
  for (const TensorSpec& spec : ListTensors(Config())) {
    if (spec.role == role && spec.layer == layer) return spec;
  }
  ADD_FAILURE() << "no such tensor";
  return {};
}

// A matrix whose element at (row, column) is 100 * row + column, permuted for layer 1 of
// Shuffled().
struct Permuted {
  TensorSpec spec;
  std::vector<float> values;

  explicit Permuted(TensorRole role) : spec(SpecOf(role, 1)) {
    std::vector<float> source;
    for (uint64_t row = 0; row < spec.rows; ++row) {
      for (uint64_t column = 0; column < spec.columns; ++column) {
        source.push_back(static_cast<float>(100 * row + column));
      }
    }
    values.resize(source.size());
    Permute(spec, PermutationOf(spec, Shuffled(), Config()), source, values);
  }

  std::vector<int> RowOrigins() const {
    std::vector<int> origins;
    for (uint64_t row = 0; row < spec.rows; ++row) {
      for (uint64_t column = 0; column < spec.columns; ++column) {
        EXPECT_EQ(static_cast<int>(values[row * spec.columns + column]) % 100,
                  static_cast<int>(column))
            << "columns must stay where they are";
      }
      origins.push_back(static_cast<int>(values[row * spec.columns]) / 100);
    }
    return origins;
  }

  std::vector<int> ColumnOrigins() const {
    std::vector<int> origins;
    for (uint64_t column = 0; column < spec.columns; ++column) {
      for (uint64_t row = 0; row < spec.rows; ++row) {
        EXPECT_EQ(static_cast<int>(values[row * spec.columns + column]) / 100,
                  static_cast<int>(row))
            << "rows must stay where they are";
      }
      origins.push_back(static_cast<int>(values[column]) % 100);
    }
    return origins;
  }
};

TEST(UnitOrderTest, IdentityIsValidAndMovesNothing) {
  const UnitOrder identity = IdentityOrder(Config());
  EXPECT_TRUE(Validate(identity, Config()).ok());
  for (const TensorSpec& spec : ListTensors(Config())) {
    std::vector<float> source(spec.rows * spec.columns);
    std::iota(source.begin(), source.end(), 1.0F);
    std::vector<float> target(source.size());
    Permute(spec, PermutationOf(spec, identity, Config()), source, target);
    EXPECT_EQ(source, target) << spec.name;
  }
}

TEST(UnitOrderTest, QueryRowsMoveByWholeHeads) {
  EXPECT_THAT(Permuted(TensorRole::kQuery).RowOrigins(), ElementsAre(6, 7, 0, 1, 4, 5, 2, 3));
}

TEST(UnitOrderTest, KeyAndValueRowsMoveByWholeKvHeads) {
  EXPECT_THAT(Permuted(TensorRole::kKey).RowOrigins(), ElementsAre(2, 3, 0, 1));
  EXPECT_THAT(Permuted(TensorRole::kValue).RowOrigins(), ElementsAre(2, 3, 0, 1));
}

TEST(UnitOrderTest, OutputColumnsFollowQueryHeads) {
  EXPECT_THAT(Permuted(TensorRole::kOutput).ColumnOrigins(), ElementsAre(6, 7, 0, 1, 4, 5, 2, 3));
}

TEST(UnitOrderTest, NeuronsMoveRowsOfGateAndUpAndColumnsOfDown) {
  EXPECT_THAT(Permuted(TensorRole::kGate).RowOrigins(), ElementsAre(2, 0, 1));
  EXPECT_THAT(Permuted(TensorRole::kUp).RowOrigins(), ElementsAre(2, 0, 1));
  EXPECT_THAT(Permuted(TensorRole::kDown).ColumnOrigins(), ElementsAre(2, 0, 1));
}

TEST(UnitOrderTest, ResidualTensorsNeverMove) {
  for (TensorRole role : {TensorRole::kEmbedding, TensorRole::kAttentionNorm, TensorRole::kMlpNorm,
                          TensorRole::kFinalNorm, TensorRole::kHead}) {
    const uint32_t layer =
        role == TensorRole::kAttentionNorm || role == TensorRole::kMlpNorm ? 1 : 0;
    EXPECT_TRUE(PermutationOf(SpecOf(role, layer), Shuffled(), Config()).indices.empty());
  }
}

TEST(UnitOrderTest, OtherLayersKeepTheirOwnOrder) {
  const TensorSpec spec = SpecOf(TensorRole::kGate, 0);
  EXPECT_THAT(PermutationOf(spec, Shuffled(), Config()).indices, ElementsAre(0, 1, 2));
}

TEST(UnitOrderTest, KvHeadsComeByFirstUse) {
  const LayerOrder layer = Shuffled().layers[1];
  EXPECT_THAT(KvHeadsByFirstUse(layer.query_heads, Config()), ElementsAre(1, 0));
  EXPECT_THAT(KvOf(layer, Config()), ElementsAre(0, 1, 0, 1));
}

TEST(UnitOrderTest, KvOfFitsTheLevelTable) {
  LevelTable table = FullLevelOnly(Config());
  for (uint32_t layer = 0; layer < Config().layers; ++layer) {
    table.kv_of[layer] = KvOf(Shuffled().layers[layer], Config());
  }
  EXPECT_TRUE(Validate(table, Config()).ok());
}

TEST(UnitOrderTest, ValidateNamesTheBrokenRule) {
  struct Case {
    const char* rule;
    void (*damage)(UnitOrder&);
    const char* message;
  };
  const Case cases[] = {
      {"layers", [](UnitOrder& o) { o.layers.pop_back(); }, "covers 1 layers, expected 2"},
      {"length", [](UnitOrder& o) { o.layers[1].neurons.pop_back(); },
       "layer 1: neurons has 2 entries, expected 3"},
      {"range", [](UnitOrder& o) { o.layers[0].query_heads[2] = 4; },
       "layer 0: query_heads[2] is 4, expected below 4"},
      {"repeat", [](UnitOrder& o) { o.layers[0].kv_heads[1] = 0; },
       "layer 0: kv_heads[1] is 0 for the second time"},
      {"first use",
       [](UnitOrder& o) {
         o.layers[1].kv_heads = {0, 1};
       },
       "layer 1: kv_heads[0] is 0, expected 1: KV heads are ordered by first use"},
  };
  for (const Case& c : cases) {
    UnitOrder order = Shuffled();
    ASSERT_TRUE(Validate(order, Config()).ok());
    c.damage(order);
    const Status status = Validate(order, Config());
    EXPECT_EQ(status.code(), StatusCode::kCorruption) << c.rule;
    EXPECT_THAT(status.message(), HasSubstr(c.message)) << c.rule;
  }
}

}  // namespace
}  // namespace elm
