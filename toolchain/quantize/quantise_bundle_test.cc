#include "toolchain/quantize/quantise_bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/base/error.h"
#include "toolchain/eval/windows_loss.h"
#include "toolchain/model/bundle_model.h"
#include "toolchain/model/testing/random_bundle.h"
#include "toolchain/model/torch_compat.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

// Wide enough for groups of 32 in all matrices.
ModelConfig GroupedConfig() {
  ModelConfig config = TinyConfig();
  config.width = 64;
  config.head_dim = 32;
  config.neurons = 64;
  return config;
}

class QuantiseBundleTest : public ::testing::Test {
 protected:
  QuantiseBundleTest() : checkpoint_(config_, 4) { SetTorchThreads(1); }

  // Two levels that cut neurons at 32.
  std::shared_ptr<const Bundle> Write(WeightType weights = WeightType::kF32) {
    BundleContents contents;
    contents.config = config_;
    contents.levels = TwoLevels(config_, order_);
    for (LayerSlice& slice : contents.levels.levels[0].layers) slice.neurons = 32;
    contents.generation.bos_id = 1;
    contents.provenance_json = R"({"seed":3})";
    contents.weights = weights;
    size_t tensor = 0;
    const auto source = [&](const TensorSpec& spec, std::span<float> values) {
      Permute(spec, PermutationOf(spec, order_, config_), checkpoint_.values[tensor++], values);
      return Status::Ok();
    };
    ThrowIfError(WriteBundle(input_, contents, source));
    return ValueOrThrow(Bundle::Open(input_));
  }

  QuantiseBundleOptions WithText(std::optional<Rounding> rounding) const {
    QuantiseBundleOptions options;
    options.rounding = rounding;
    options.calibration = &calibration_;
    options.held_out = &held_out_;
    return options;
  }

  static std::string Refusal(const std::function<void()>& action) {
    try {
      action();
      return "was accepted";
    } catch (const Error& error) {
      return error.what();
    }
  }

  const ModelConfig config_ = GroupedConfig();
  const UnitOrder order_ = RandomOrder(config_, /*whole_groups=*/true, 3);
  MemoryCheckpoint checkpoint_;
  const TokenWindows calibration_ = RandomWindows(config_, 8, 17, 1);
  const TokenWindows held_out_ = RandomWindows(config_, 4, 17, 2);
  const testing::TemporaryDirectory directory_;
  const std::string input_ = directory_.Path("exact.elm");
  const std::string output_ = directory_.Path("small.elm");
};

TEST_F(QuantiseBundleTest, KeepsEverythingButTheWeightsAndNotesTheRounding) {
  const auto exact = Write();
  for (const auto& options : {QuantiseBundleOptions{}, WithText(std::nullopt)}) {
    const ChosenRounding chosen = QuantiseBundle(*exact, output_, options);
    const auto bundle = ValueOrThrow(Bundle::Open(output_));
    ThrowIfError(bundle->VerifyWeights());
    EXPECT_EQ(bundle->config(), exact->config());
    EXPECT_EQ(bundle->levels(), exact->levels());
    EXPECT_EQ(bundle->view().generation, exact->view().generation);
    EXPECT_EQ(bundle->view().tokenizer_model, exact->view().tokenizer_model);
    const auto provenance = nlohmann::json::parse(bundle->view().provenance_json);
    EXPECT_EQ(provenance["seed"], 3);
    EXPECT_EQ(provenance["quantised_from"], "f32");
    EXPECT_EQ(provenance["rounding"], RoundingName(chosen.rounding));
    EXPECT_EQ(bundle->FindTensor(TensorRole::kDown, 1)->type, WeightType::kQ4);
    EXPECT_EQ(bundle->FindTensor(TensorRole::kEmbedding, 0)->type, WeightType::kQ8);
  }
}

TEST_F(QuantiseBundleTest, TheLossThatWasMeasuredIsTheWrittenBundles) {
  const auto exact = Write();
  for (const Rounding rounding : kRoundings) {
    const ChosenRounding chosen = QuantiseBundle(*exact, output_, WithText(rounding));
    ASSERT_EQ(chosen.candidates.size(), 1U);
    EXPECT_EQ(chosen.rounding, rounding);
    const auto bundle = ValueOrThrow(Bundle::Open(output_));
    const Llama model = LoadBundleModel(*bundle, torch::kCPU, torch::kFloat32);
    for (size_t i = 0; i < bundle->levels().levels.size(); ++i) {
      const double loss =
          MeasureLoss(model, held_out_, {.level = &bundle->levels().levels[i]}).mean;
      EXPECT_NEAR(loss, chosen.candidates[0].level_nll[i], 1e-6) << RoundingName(rounding);
    }
  }
}

TEST_F(QuantiseBundleTest, ChoosesTheLowerLoss) {
  const ChosenRounding chosen = QuantiseBundle(*Write(), output_, WithText(std::nullopt));
  ASSERT_EQ(chosen.candidates.size(), 2U);
  const bool first = chosen.candidates[0].mean_nll <= chosen.candidates[1].mean_nll;
  EXPECT_EQ(chosen.rounding, chosen.candidates[first ? 0 : 1].rounding);
}

TEST_F(QuantiseBundleTest, TheSameInputGivesTheSameBytes) {
  const auto exact = Write();
  QuantiseBundle(*exact, output_, WithText(Rounding::kCalibrated));
  const auto once = ValueOrThrow(Bundle::Open(output_));
  QuantiseBundle(*exact, directory_.Path("again.elm"), WithText(Rounding::kCalibrated));
  const auto again = ValueOrThrow(Bundle::Open(directory_.Path("again.elm")));
  for (size_t i = 0; i < once->view().tensors.size(); ++i) {
    EXPECT_EQ(once->view().tensors[i].hash, again->view().tensors[i].hash);
  }
}

TEST_F(QuantiseBundleTest, RefusesWhatIsQuantisedAlready) {
  const auto quantised = Write(WeightType::kQ8);
  EXPECT_THAT(Refusal([&] { QuantiseBundle(*quantised, output_, {}); }),
              HasSubstr("is q8 already, and rounding twice adds both errors"));
}

TEST_F(QuantiseBundleTest, CalibratedNeedsText) {
  QuantiseBundleOptions options;
  options.rounding = Rounding::kCalibrated;
  EXPECT_THAT(Refusal([&] { QuantiseBundle(*Write(), output_, options); }), HasSubstr("--data"));
}

TEST_F(QuantiseBundleTest, AWeightThatIsNotFiniteIsNamedAndNothingIsWritten) {
  const auto exact = Write();
  {
    std::fstream file(input_, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(exact->FindTensor(TensorRole::kUp, 1)->offset));
    const float bad = std::numeric_limits<float>::quiet_NaN();
    file.write(reinterpret_cast<const char*>(&bad), sizeof bad);
  }
  const auto damaged = ValueOrThrow(Bundle::Open(input_));
  for (const auto& options : {QuantiseBundleOptions{}, WithText(std::nullopt)}) {
    EXPECT_THAT(Refusal([&] { QuantiseBundle(*damaged, output_, options); }),
                HasSubstr("model.layers.1.mlp.up_proj.weight"));
    EXPECT_FALSE(std::filesystem::exists(output_));
  }
}

}  // namespace
}  // namespace elm
