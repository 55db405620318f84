#include "toolchain/profile/block_profile.h"

#include <gtest/gtest.h>

#include "toolchain/eval/windows_loss.h"
#include "toolchain/model/testing/random_model.h"

namespace elm {
namespace {

TEST(BlockProfile, EveryCutCostsWhatTheCutModelLoses) {
  const ModelConfig config = TinyConfig();
  const Llama model = RandomLlama(config, 1);
  const TokenWindows windows = RandomWindows(config, 5, 11, 2);
  const BlockLosses losses = ProfileBlocks(model, 3, windows, {.batch = 2});
  const double whole = MeasureLoss(model, windows).mean;
  ASSERT_EQ(losses.heads.size(), config.layers);
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    EXPECT_EQ(losses.heads[layer].front().kept, 0U);
    EXPECT_EQ(losses.heads[layer].back().kept, config.query_heads);
    EXPECT_EQ(losses.neurons[layer].back().increase, 0.0);
    for (const bool heads : {true, false}) {
      for (const BlockLoss& loss : heads ? losses.heads[layer] : losses.neurons[layer]) {
        EXPECT_TRUE(!heads || loss.kept % 3 == 0);
        Level level{1000, std::vector<LayerSlice>(config.layers, {6, 2, 20})};
        if (heads) {
          level.layers[layer].query_heads = loss.kept;
          level.layers[layer].kv_heads = loss.kept / 3;
        } else {
          level.layers[layer].neurons = loss.kept;
        }
        const double cut = MeasureLoss(model, windows, {.level = &level}).mean;
        EXPECT_NEAR(loss.increase, cut - whole, 1e-5) << layer << ", " << loss.kept;
      }
    }
  }
}

}  // namespace
}  // namespace elm
