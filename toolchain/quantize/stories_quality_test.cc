// What rounding costs a real model, through the runtime: the bars that the project holds itself to.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "formats/base/mapped_file.h"
#include "formats/base/testing/assets.h"
#include "formats/base/testing/temporary_directory.h"
#include "formats/checkpoint/checkpoint.h"
#include "runtime/include/elm/elm.hpp"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/pack/pack.h"
#include "toolchain/pack/storage_text.h"
#include "toolchain/quantize/quantise_bundle.h"

namespace elm {
namespace {

class StoriesQualityTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string assets = AssetPath(".");
    if (assets.empty()) GTEST_SKIP() << MissingAsset(".");
    SetTorchThreads(1);
    const std::string folder = assets + "/models/stories3M";
    const auto checkpoint = ValueOrThrow(OpenCheckpoint(folder));
    ElasticPlan plan;
    plan.levels = FullLevelOnly(checkpoint->config());
    plan.order = IdentityOrder(checkpoint->config());
    PackOptions options;
    options.weights = WeightType::kF32;
    options.tokenizer_model = ValueOrThrow(ReadFile(folder + "/tokenizer.model", 1U << 24));
    options.generation.bos_id = 1;
    options.generation.add_bos = true;
    PackBundle(*checkpoint, plan, options, exact_);
    bundle_ = ValueOrThrow(Bundle::Open(exact_));
    golden_ = ReadJsonFile(folder + "/golden.json");
    calibration_ = Windows(assets + "/text/tinystories_train_944k.txt", 128);
    held_out_ = Windows(assets + "/text/tinystories_valid_794k.txt", 64);
  }

  TokenWindows Windows(const std::string& path, size_t count) const {
    const auto model = ValueOrThrow(Model::Load(exact_));
    const auto* tokenizer = ValueOrThrow(model->tokenizer());
    return ValueOrThrow(
        ReadTextWindows(path, [&](std::string_view text) { return tokenizer->Encode(text); },
                        {.max_windows = count}));
  }

  std::string Quantise(WeightType layers, WeightType vocabulary, Rounding rounding) const {
    const std::string path = directory_.Path("quantised.elm");
    QuantiseBundle(*bundle_, path,
                   {.layers = layers,
                    .vocabulary = vocabulary,
                    .rounding = rounding,
                    .calibration = &calibration_,
                    .held_out = &held_out_});
    return path;
  }

  // Mean next-token loss of the held-out windows in the runtime.
  double Loss(const std::string& path) const {
    const auto model = ValueOrThrow(Model::Load(path));
    const auto session = ValueOrThrow(Session::Create(model, {}));
    double loss = 0;
    for (size_t i = 0; i < held_out_.count(); ++i) {
      const auto ids = held_out_.row(i);
      session->Reset();
      ThrowIfError(session->Score(ids, [&](size_t index, std::span<const float> logits) {
        if (index + 1 == ids.size()) return;
        double sum = 0;
        for (const float logit : logits) sum += std::exp(double{logit});
        loss += std::log(sum) - logits[ids[index + 1]];
      }));
    }
    return loss / static_cast<double>(held_out_.count() * (held_out_.length - 1));
  }

  const testing::TemporaryDirectory directory_;
  const std::string exact_ = directory_.Path("exact.elm");
  std::shared_ptr<const Bundle> bundle_;
  nlohmann::json golden_;
  TokenWindows calibration_;
  TokenWindows held_out_;
};

TEST_F(StoriesQualityTest, Q8CostsNextToNothing) {
  const std::string path = Quantise(WeightType::kQ8, WeightType::kQ8, Rounding::kLeastError);
  EXPECT_LE(Loss(path) - Loss(exact_), 0.002);
}

// Inputs rounded to 8 bits move the logits of this model by 0.1 (root mean square), so q8 must
// write the golden text wherever the first choice leads by several times that.
TEST_F(StoriesQualityTest, Q8WritesTheGoldenTextWhereItIsNotATie) {
  constexpr float kLead = 0.5;
  const std::string path = Quantise(WeightType::kQ8, WeightType::kQ8, Rounding::kLeastError);
  const auto exact_model = ValueOrThrow(Model::Load(exact_));
  const auto model = ValueOrThrow(Model::Load(path));
  const auto exact = ValueOrThrow(Session::Create(exact_model, {}));
  const auto session = ValueOrThrow(Session::Create(model, {}));
  size_t decided = 0;
  for (const nlohmann::json& reference : golden_["cases"]) {
    std::vector<uint32_t> next = reference["ids"];
    exact->Reset();
    session->Reset();
    for (const uint32_t expected : reference["greedy"].get<std::vector<uint32_t>>()) {
      ThrowIfError(exact->Append(next));
      ThrowIfError(session->Append(next));
      next = {expected};
      std::vector<float> logits(exact->logits().begin(), exact->logits().end());
      const float best = std::exchange(logits[expected], std::numeric_limits<float>::lowest());
      if (best - *std::max_element(logits.begin(), logits.end()) < kLead) continue;
      ++decided;
      const auto found = session->logits();
      EXPECT_EQ(std::max_element(found.begin(), found.end()) - found.begin(), expected);
    }
  }
  EXPECT_GE(decided, 40U);
}

TEST_F(StoriesQualityTest, CalibratedQ4StaysWithinItsBars) {
  const double exact = Loss(exact_);
  const double nearest = Loss(Quantise(WeightType::kQ4, WeightType::kQ4, Rounding::kNearest));
  const double same_bits = Loss(Quantise(WeightType::kQ4, WeightType::kQ4, Rounding::kCalibrated));
  const double chosen = Loss(Quantise(WeightType::kQ4, WeightType::kQ8, Rounding::kCalibrated));
  std::printf("above f32 (%.4f): nearest %.4f, calibrated %.4f, with q8 vocabulary %.4f\n", exact,
              nearest - exact, same_bits - exact, chosen - exact);
  EXPECT_LT(same_bits, nearest);
  EXPECT_LE(chosen - exact, 0.1);
}

}  // namespace
}  // namespace elm
