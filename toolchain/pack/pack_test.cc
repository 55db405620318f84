// From checkpoint to phone: what the runtime computes from a packed bundle, held against LibTorch
// at every level and against reference values that others computed.
#include "toolchain/pack/pack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>

#include "formats/base/mapped_file.h"
#include "formats/base/testing/assets.h"
#include "formats/elm/bundle.h"
#include "runtime/include/elm/elm.hpp"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/pack/check_weights.h"
#include "toolchain/pack/compare_runtime.h"
#include "toolchain/plan/plan.h"

namespace elm {
namespace {

namespace fs = std::filesystem;

class PackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    assets_ = AssetPath(".");
    if (assets_.empty()) GTEST_SKIP() << MissingAsset(".");
    bundle_ = ::testing::TempDir() + "elm_pack_test.elm";
    SetTorchThreads(2);
  }
  void TearDown() override {
    if (!bundle_.empty()) fs::remove(bundle_);
  }

  std::string assets_;
  std::string bundle_;
};

// A plan whose units are in random order, so that no mistake hides behind the original one.
ElasticPlan RandomPlan(const ModelConfig& config, UnitPolicy policy) {
  std::mt19937 random(11);
  std::uniform_real_distribution<double> score(0, 1);
  const auto fill = [&](std::vector<double>& scores, size_t units) {
    scores.resize(config.layers * units);
    for (double& value : scores) value = score(random);
  };
  UnitScores units = UnitScores::ForModel(config);
  units.sequences = 1;
  MetricSums& sums = units.of(ScoreMetric::kToken);
  fill(sums.heads, config.query_heads);
  fill(sums.groups, config.kv_heads);
  fill(sums.neurons, config.neurons);
  LayerScores layers;
  layers.sequences = 1;
  fill(layers.skipped_loss_sum, 1);
  PlanOptions options;
  options.policy = policy;
  return ValueOrThrow(MakePlan(config, units, layers, options)).plan;
}

TokenWindows RandomWindows(const ModelConfig& config, size_t count, uint32_t length) {
  std::mt19937 random(12);
  TokenWindows windows;
  windows.length = length;
  for (size_t i = 0; i < count * length; ++i) windows.ids.push_back(random() % config.vocab);
  return windows;
}

PackOptions OptionsOf(WeightType weights) {
  PackOptions options;
  options.weights = weights;
  return options;
}

TEST_F(PackTest, TheRuntimeAgreesWithLibTorchAtEveryLevelAndType) {
  for (const char* model : {"stories260K/hf", "stories3M", "llama_sharded_tiny"}) {
    const auto checkpoint = ValueOrThrow(OpenCheckpoint(assets_ + "/models/" + model));
    const ModelConfig& config = checkpoint->config();
    const TokenWindows windows = RandomWindows(config, 2, 33);
    for (const UnitPolicy policy : {UnitPolicy::kKvGroup, UnitPolicy::kQueryHead}) {
      const ElasticPlan plan = RandomPlan(config, policy);
      for (const WeightType weights : kWeightTypes) {
        PackBundle(*checkpoint, plan, OptionsOf(weights), bundle_);
        CheckWeights(*checkpoint, plan, *ValueOrThrow(Bundle::Open(bundle_)));
        const Tolerance tolerance = RuntimeTolerance(weights);
        for (const LevelAgreement& level : CompareWithRuntime(bundle_, windows)) {
          const std::string name =
              StrCat(model, " ", UnitPolicyName(policy), " ", WeightTypeName(weights), " level ",
                     LevelName(level.name_permille));
          EXPECT_LE(level.max_logit_difference, tolerance.logit) << name;
          EXPECT_NEAR(level.runtime_nll, level.torch_nll, tolerance.nll) << name;
          if (getenv("ELM_PRINT_AGREEMENT") != nullptr) {
            std::printf("%s: logit %g nll %g\n", name.c_str(), level.max_logit_difference,
                        level.runtime_nll - level.torch_nll);
          }
        }
      }
    }
  }
}

TEST_F(PackTest, AWeightThatIsNotTheCheckpointsIsNamed) {
  const auto checkpoint = ValueOrThrow(OpenCheckpoint(assets_ + "/models/stories3M"));
  const ElasticPlan packed = RandomPlan(checkpoint->config(), UnitPolicy::kKvGroup);
  ElasticPlan meant = packed;
  std::swap(meant.order.layers[2].neurons[7], meant.order.layers[2].neurons[8]);
  for (const WeightType weights : kWeightTypes) {
    PackBundle(*checkpoint, packed, OptionsOf(weights), bundle_);
    try {
      CheckWeights(*checkpoint, meant, *ValueOrThrow(Bundle::Open(bundle_)));
      FAIL() << WeightTypeName(weights) << ": two swapped neurons were not seen";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("model.layers.2.mlp.gate_proj.weight"),
                std::string::npos)
          << error.what();
    }
  }
}

struct Form {
  const char* checkpoint;
  const char* tokenizer;
  const char* golden;
};

// Prints the form in a failure's message.
void PrintTo(const Form& form, std::ostream* out) { *out << form.checkpoint; }

class GoldenTest : public PackTest, public ::testing::WithParamInterface<Form> {
 protected:
  void SetUp() override {
    PackTest::SetUp();
    if (IsSkipped()) return;
    const std::string models = assets_ + "/models/";
    const auto checkpoint = ValueOrThrow(OpenCheckpoint(models + GetParam().checkpoint));
    ElasticPlan plan;
    plan.levels = FullLevelOnly(checkpoint->config());
    plan.order = IdentityOrder(checkpoint->config());
    PackOptions options;
    options.weights = WeightType::kF32;
    options.tokenizer_model =
        ValueOrThrow(ReadFile(models + GetParam().tokenizer, uint64_t{1} << 24));
    PackBundle(*checkpoint, plan, options, bundle_);
    golden_ = ReadJsonFile(models + GetParam().golden);
    model_ = ValueOrThrow(Model::Load(bundle_));
    session_ = ValueOrThrow(Session::Create(model_, {.kv = KvType::kF32}));
  }

  nlohmann::json golden_;
  std::shared_ptr<const Model> model_;
  std::unique_ptr<Session> session_;
};

double LogSumExp(std::span<const float> logits) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit});
  return std::log(sum);
}

TEST_P(GoldenTest, LogitsAndGreedyTextAreThoseOfTheReference) {
  for (const nlohmann::json& reference : golden_["cases"]) {
    const std::vector<uint32_t> ids = reference["ids"];
    std::vector<uint32_t> encoded = {ids.front()};  // BOS
    for (const uint32_t id :
         (*ValueOrThrow(model_->tokenizer())).Encode(reference["prompt"].get<std::string>())) {
      encoded.push_back(id);
    }
    EXPECT_EQ(encoded, ids);
    session_->Reset();
    ThrowIfError(session_->Append(ids));
    for (const nlohmann::json& top : reference["top8"]) {
      EXPECT_NEAR(session_->logits()[top[0].get<size_t>()], top[1].get<double>(), 2e-3);
    }
    EXPECT_NEAR(LogSumExp(session_->logits()), reference["logsumexp"].get<double>(), 2e-3);
    std::vector<uint32_t> greedy;
    const std::vector<uint32_t> expected = reference["greedy"];
    while (greedy.size() < expected.size()) {
      const auto logits = session_->logits();
      greedy.push_back(
          static_cast<uint32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
      ThrowIfError(session_->Append({&greedy.back(), 1}));
    }
    EXPECT_EQ(greedy, expected);
  }
}

TEST_P(GoldenTest, MeanLossIsThatOfTheReference) {
  for (const nlohmann::json& reference : golden_["nll"]) {
    const std::vector<uint32_t> ids = reference["ids"];
    double loss = 0;
    session_->Reset();
    ThrowIfError(session_->Score(ids, [&](size_t index, std::span<const float> logits) {
      if (index + 1 < ids.size()) loss += LogSumExp(logits) - logits[ids[index + 1]];
    }));
    EXPECT_NEAR(loss / static_cast<double>(ids.size() - 1), reference["mean_nll"].get<double>(),
                1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(
    EveryModelInEveryForm, GoldenTest,
    ::testing::Values(
        Form{"stories3M", "stories3M/tokenizer.model", "stories3M/golden.json"},
        Form{"stories260K/hf", "stories260K/tok512.model", "stories260K/golden.json"},
        Form{"stories260K/stories260K.bin", "stories260K/tok512.model", "stories260K/golden.json"},
        Form{"stories260K/stories260K-f32.gguf", "stories260K/tok512.model",
             "stories260K/golden.json"},
        Form{"babyllama105/hf", "babyllama105/tok105.model", "babyllama105/golden.json"},
        Form{"babyllama105/model5000.bin", "babyllama105/tok105.model", "babyllama105/golden.json"},
        Form{"llama_sharded_tiny", "llama_sharded_tiny/tokenizer.model",
             "llama_sharded_tiny/golden.json"},
        Form{"llama_mha_tiny", "llama_mha_tiny/tokenizer.model", "llama_mha_tiny/golden.json"}),
    [](const auto& form) {
      std::string name = form.param.checkpoint;
      std::replace_if(
          name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
      return name;
    });

}  // namespace
}  // namespace elm
