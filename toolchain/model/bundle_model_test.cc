#include "toolchain/model/bundle_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/base/error.h"
#include "toolchain/model/testing/random_bundle.h"
#include "toolchain/model/torch_compat.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

class BundleModelTest : public ::testing::Test {
 protected:
  BundleModelTest() { SetTorchThreads(1); }

  // The checkpoint's weights in stored order.
  std::shared_ptr<const Bundle> Write(const MemoryCheckpoint& checkpoint, WeightType weights) {
    return WriteRandomBundle(checkpoint, order_, weights, directory_.Path("model.elm"));
  }

  const ModelConfig config_ = TinyConfig();
  const UnitOrder order_ = RandomOrder(config_, /*whole_groups=*/false, 3);
  const torch::Tensor ids_ = AllWindows(RandomWindows(config_, 2, 9, 1));
  const testing::TemporaryDirectory directory_;
};

TEST_F(BundleModelTest, GivesTheLogitsOfTheReorderedModelAtEveryLevel) {
  const MemoryCheckpoint checkpoint(config_, 4);
  const Llama expected = Llama::Load(checkpoint, torch::kCPU, torch::kFloat32).Reordered(order_);
  const auto bundle = Write(checkpoint, WeightType::kF32);
  const Llama model = LoadBundleModel(*bundle, torch::kCPU, torch::kFloat32);
  for (const Level& level : bundle->levels().levels) {
    EXPECT_EQ(MaxDifference(model.Logits(ids_, {.level = &level}),
                            expected.Logits(ids_, {.level = &level})),
              0);
  }
}

TEST_F(BundleModelTest, StoredTypesGiveTheirRoundedValues) {
  const MemoryCheckpoint checkpoint(config_, 4);
  const Llama exact = Llama::Load(checkpoint, torch::kCPU, torch::kFloat32).Reordered(order_);
  for (const auto& [weights, error] :
       {std::pair(WeightType::kF16, 0x1p-11), {WeightType::kBf16, 0x1p-8}}) {
    const Llama model = LoadBundleModel(*Write(checkpoint, weights), torch::kCPU, torch::kFloat32);
    const torch::Tensor difference = (model.layers[1].down - exact.layers[1].down).abs();
    EXPECT_TRUE((difference <= exact.layers[1].down.abs() * error).all().item<bool>());
    EXPECT_GT(difference.max().item<double>(), 0);
  }
}

TEST_F(BundleModelTest, AWeightThatIsNotFiniteIsNamedWithItsBundle) {
  const auto sound = Write(MemoryCheckpoint(config_, 4), WeightType::kF32);
  const uint64_t offset = sound->FindTensor(TensorRole::kQuery, 1)->offset;
  {
    std::fstream file(sound->path(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(offset));
    const float bad = std::numeric_limits<float>::quiet_NaN();
    file.write(reinterpret_cast<const char*>(&bad), sizeof bad);
  }
  const auto damaged = ValueOrThrow(Bundle::Open(sound->path()));  // weights are checked by verify
  try {
    (void)LoadBundleModel(*damaged, torch::kCPU, torch::kFloat32);
    FAIL() << "loaded a NaN";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("model.elm: "));
    EXPECT_THAT(error.what(), HasSubstr("model.layers.1.self_attn.q_proj.weight"));
  }
}

}  // namespace
}  // namespace elm
