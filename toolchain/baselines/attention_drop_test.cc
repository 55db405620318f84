#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/baselines/testing/tiny_baseline.h"

namespace elm {
namespace {

class AttentionDropTest : public ::testing::Test {
 protected:
  // Share of the weights that MLP blocks hold.
  double MlpShare() const {
    Level level{1000, std::vector<LayerSlice>(6, {0, 0, tiny_.model.config().neurons})};
    return TrueShare(tiny_.model.config(), level);
  }
  PrunedLevel AtShare(double share) const {
    const auto name = static_cast<uint32_t>(1000 * share);
    return DropAttention(tiny_.Inputs({name})).front().levels.front();
  }

  TinyBaseline tiny_;
};

TEST_F(AttentionDropTest, AttentionAloneGoesWhereItIsEnough) {
  const PrunedLevel level = AtShare(MlpShare() + 0.01);
  for (const LayerSlice& slice : level.level.layers) {
    EXPECT_EQ(slice.query_heads, 0U);
    EXPECT_EQ(slice.neurons, tiny_.model.config().neurons);
  }
  EXPECT_EQ(level.note, "");
}

TEST_F(AttentionDropTest, TheAttentionThatChangesTheStreamLeastGoesFirst) {
  tiny_.SilenceAttention(3);
  tiny_.SilenceMlp(1);  // of no concern while attention alone goes
  const PrunedLevel level = AtShare(MlpShare() + (1 - MlpShare()) * 5 / 6);
  for (size_t layer = 0; layer < 6; ++layer) {
    EXPECT_EQ(level.level.layers[layer].query_heads, layer == 3 ? 0U : 8U) << layer;
    EXPECT_GT(level.level.layers[layer].neurons, 0U);
  }
}

TEST_F(AttentionDropTest, BelowTheMlpsShareBothKindsAreRankedTogether) {
  tiny_.SilenceMlp(1);
  tiny_.SilenceAttention(3);
  const PrunedLevel level = AtShare(0.8 * MlpShare());
  EXPECT_EQ(level.level.layers[1].neurons, 0U);
  EXPECT_EQ(level.level.layers[3].query_heads, 0U);
  EXPECT_NE(level.note, "");
  size_t attention = 0;
  for (const LayerSlice& slice : level.level.layers) attention += slice.query_heads > 0 ? 1 : 0;
  EXPECT_GT(attention, 0U) << "a joint ranking keeps the attention that matters";
}

}  // namespace
}  // namespace elm
