#include "toolchain/eval/windows_loss.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/base/error.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/model/torch_compat.h"

namespace elm {
namespace {

using ::testing::ElementsAre;

class WindowsLossTest : public ::testing::Test {
 protected:
  WindowsLossTest() { SetTorchThreads(1); }

  const ModelConfig config_ = TinyConfig();
  const Llama model_ = RandomLlama(config_, 31);
  const TokenWindows windows_ = RandomWindows(config_, 7, 15, 32);
};

TEST_F(WindowsLossTest, EachSequenceHasItsOwnLossAndTheMeanIsTheirs) {
  const torch::Tensor expected = model_.SequenceLoss(AllWindows(windows_));
  const WindowsLoss loss = MeasureLoss(model_, windows_, {}, /*batch=*/3);
  ASSERT_EQ(loss.sequences.size(), 7U);
  for (int64_t i = 0; i < 7; ++i) {
    EXPECT_NEAR(loss.sequences[static_cast<size_t>(i)], expected[i].item<double>(), 1e-5);
  }
  EXPECT_NEAR(loss.mean, expected.mean().item<double>(), 1e-5);
  EXPECT_GT(expected.std().item<double>(), 1e-3);
}

TEST_F(WindowsLossTest, ALevelHasItsOwnLoss) {
  Level level;
  level.layers.assign(config_.layers, LayerSlice{3, 1, 8});
  const double sliced = MeasureLoss(model_, windows_, {.level = &level}).mean;
  const double expected =
      model_.SequenceLoss(AllWindows(windows_), {.level = &level}).mean().item<double>();
  EXPECT_NEAR(sliced, expected, 1e-5);
  EXPECT_GT(std::abs(sliced - MeasureLoss(model_, windows_).mean), 1e-3);
}

TEST_F(WindowsLossTest, ProgressCountsWindows) {
  std::vector<size_t> done;
  (void)MeasureLoss(model_, windows_, {}, 3, [&](size_t now, size_t) { done.push_back(now); });
  EXPECT_THAT(done, ElementsAre(3, 6, 7));
}

TEST_F(WindowsLossTest, NoWindowsHaveNoLoss) {
  EXPECT_THROW((void)MeasureLoss(model_, TokenWindows{.length = 15, .ids = {}}), Error);
}

}  // namespace
}  // namespace elm
