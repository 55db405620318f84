// What a tiny LM says in LibTorch and in the runtime, from the same bundle.
#include "toolchain/tlm/compare_tiny_lm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "datasets/pocket/world.h"
#include "toolchain/base/error.h"
#include "toolchain/model/testing/random_bundle.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/tlm/testing/small_tlm.h"

namespace elm {
namespace {

// A bundle with random weights and a random tiny LM.
std::shared_ptr<const Bundle> WriteBundleWithTlm(const TlmSettings& settings, const TorchTlm& model,
                                                 WeightType weights, const std::string& path) {
  const ModelConfig config = TinyConfig();
  const MemoryCheckpoint checkpoint(config, 3);
  BundleContents contents;
  contents.config = config;
  contents.levels = TwoLevels(config, IdentityOrder(config));
  contents.tlm = TlmContents{settings, weights, 32};
  size_t tensor = 0;
  size_t tlm_tensor = 0;
  ThrowIfError(WriteBundle(
      path, contents,
      [&](const TensorSpec&, std::span<float> values) {
        const std::vector<float>& stored = checkpoint.values[tensor++];
        std::copy(stored.begin(), stored.end(), values.begin());
        return Status::Ok();
      },
      {}, LeastErrorQuantiser(), {},
      [&](const TlmTensorSpec&, std::span<float> values) {
        const torch::Tensor stored = model.tensors()[tlm_tensor++].contiguous();
        std::copy_n(stored.data_ptr<float>(), values.size(), values.begin());
        return Status::Ok();
      }));
  return ValueOrThrow(Bundle::Open(path));
}

std::vector<Task> SomeTasks() {
  std::vector<Task> tasks;
  for (uint32_t family = 0; family < pocket::Families().size(); ++family) {
    tasks.push_back(pocket::MakeTask({.family = family, .index = 3}));
  }
  return tasks;
}

class CompareTinyLmTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    SetTorchThreads(1);
    path_ = ::testing::TempDir() + "tiny_lm.elm";
  }
  void TearDown() override { std::remove(path_.c_str()); }

  // Windows shorter than most contexts, so that several are merged.
  TlmSettings Settings() const {
    TlmSettings settings = SmallTlmSettings(/*positions=*/96);
    settings.config.layer_norm = GetParam();
    return settings;
  }

  std::string path_;
};

INSTANTIATE_TEST_SUITE_P(Norms, CompareTinyLmTest, ::testing::Bool(), [](const auto& layer_norm) {
  return layer_norm.param ? "LayerNorm" : "NoNorm";
});

TEST_P(CompareTinyLmTest, TheRuntimeSaysWhatLibTorchSays) {
  const TlmSettings settings = Settings();
  const TorchTlm model(settings.config, /*seed=*/4);
  for (const WeightType weights : {WeightType::kF32, WeightType::kF16}) {
    const auto bundle = WriteBundleWithTlm(settings, model, weights, path_);
    const TinyLmAgreement agreement = CompareTinyLm(bundle, SomeTasks());
    EXPECT_EQ(agreement.questions, 6U);
    EXPECT_LE(agreement.retain, kTinyLmTolerance) << WeightTypeName(weights);
    EXPECT_LE(agreement.decision, kTinyLmTolerance) << WeightTypeName(weights);
  }
}

TEST_P(CompareTinyLmTest, WeightsComeBackAsTheyWereStored) {
  const TlmSettings settings = Settings();
  const TorchTlm model(settings.config, /*seed=*/4);
  const auto bundle = WriteBundleWithTlm(settings, model, WeightType::kF32, path_);
  const TorchTlm stored = LoadBundleTlm(*bundle);
  for (size_t i = 0; i < model.tensors().size(); ++i) {
    EXPECT_TRUE(stored.tensors()[i].equal(model.tensors()[i])) << TlmTensorName(model.specs()[i]);
  }
}

}  // namespace
}  // namespace elm
