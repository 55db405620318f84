// LibTorch and the runtime, on the same bundle and against logits of single texts.
#include "toolchain/eval/scoring_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "formats/base/testing/temporary_directory.h"
#include "runtime/engine/testing/tiny_model.h"
#include "toolchain/eval/runtime_engine.h"
#include "toolchain/eval/torch_engine.h"
#include "toolchain/eval/windows_loss.h"
#include "toolchain/model/bundle_model.h"
#include "toolchain/model/testing/random_bundle.h"
#include "toolchain/model/torch_compat.h"

namespace elm {
namespace {

using ::testing::ElementsAre;

class ScoringEngineTest : public ::testing::Test {
 protected:
  ScoringEngineTest() { SetTorchThreads(1); }

  TorchEngine Torch(size_t batch, size_t threads = 1) const {
    return {model_, bundle_->levels(), batch, threads};
  }
  RuntimeEngine Runtime(size_t threads = 1) const {
    return {ValueOrThrow(Model::FromBundle(bundle_)), threads};
  }

  // Prompts of 1 to 40 tokens with 1 to 5 continuations of 1 to 6; every third one greedy.
  std::vector<ScoringRequest> RandomRequests(size_t count) const {
    std::mt19937_64 random(7);
    const auto ids = [&](size_t most) {
      std::vector<uint32_t> values(1 + random() % most);
      for (uint32_t& id : values) id = static_cast<uint32_t>(random() % config_.vocab);
      return values;
    };
    std::vector<ScoringRequest> requests(count);
    for (size_t i = 0; i < count; ++i) {
      requests[i].prompt = ids(40);
      requests[i].continuations.resize(1 + random() % 5);
      for (auto& continuation : requests[i].continuations) continuation = ids(6);
      requests[i].greedy = i % 3 == 0;
    }
    return requests;
  }

  static void ExpectEqual(const std::vector<RequestScore>& actual,
                          const std::vector<RequestScore>& expected, double tolerance) {
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) {
      SCOPED_TRACE(StrCat("request ", i));
      ASSERT_EQ(actual[i].size(), expected[i].size());
      for (size_t c = 0; c < actual[i].size(); ++c) {
        const auto& values = actual[i][c].log_probabilities;
        ASSERT_EQ(values.size(), expected[i][c].log_probabilities.size());
        for (size_t t = 0; t < values.size(); ++t) {
          EXPECT_NEAR(values[t], expected[i][c].log_probabilities[t], tolerance);
        }
        EXPECT_EQ(actual[i][c].greedy, expected[i][c].greedy);
      }
    }
  }

  const ModelConfig config_ = TinyConfig();
  const testing::TemporaryDirectory directory_;
  const std::shared_ptr<const Bundle> bundle_ =
      WriteRandomBundle(MemoryCheckpoint(config_, 5), RandomOrder(config_, false, 6),
                        WeightType::kF16, directory_.Path("model.elm"));
  const Llama model_ = LoadBundleModel(*bundle_, torch::kCPU, torch::kFloat32);
};

// By hand: one plain text per continuation, its logits, their log-softmax.
TEST_F(ScoringEngineTest, ScoresAreThoseOfEachTextAlone) {
  const std::vector<ScoringRequest> requests = {
      {.prompt = {1, 5, 6}, .continuations = {{7, 8, 9}, {10}, {}}, .greedy = true}};
  for (size_t level = 0; level < 2; ++level) {
    const RequestScore score = Torch(1).Score(level, requests).front();
    const ForwardOptions options = {.level = &bundle_->levels().levels[level]};
    const torch::Tensor ids = torch::tensor({1, 5, 6, 7, 8, 9}, torch::kInt64).unsqueeze(0);
    const torch::Tensor logits = torch::log_softmax(model_.Logits(ids, options)[0], -1);
    ASSERT_EQ(score.size(), 3U);
    for (int64_t token = 0; token < 3; ++token) {
      EXPECT_NEAR(score[0].log_probabilities[static_cast<size_t>(token)],
                  logits[2 + token][7 + token].item<double>(), 1e-5);
    }
    EXPECT_NEAR(score[1].log_probabilities[0], logits[2][10].item<double>(), 1e-5);
    const torch::Tensor greedy = logits.argmax(-1);
    const auto at = [&](int64_t place) { return greedy[place].item<int64_t>(); };
    EXPECT_THAT(score[0].greedy, ElementsAre(at(2), at(3), at(4), at(5)));
    EXPECT_EQ(score[1].greedy.size(), 2U);
    EXPECT_TRUE(score[2].log_probabilities.empty());
    EXPECT_THAT(score[2].greedy, ElementsAre(at(2)));
  }
}

TEST_F(ScoringEngineTest, BatchesAndThreadsChangeNothing) {
  const std::vector<ScoringRequest> requests = RandomRequests(30);
  for (size_t level = 0; level < 2; ++level) {
    const std::vector<RequestScore> alone = Torch(1).Score(level, requests);
    ExpectEqual(Torch(8).Score(level, requests), alone, 1e-5);
    ExpectEqual(Torch(4, /*threads=*/3).Score(level, requests), alone, 1e-5);
    ExpectEqual(Runtime(3).Score(level, requests), Runtime(1).Score(level, requests), 0);
  }
}

TEST_F(ScoringEngineTest, TheRuntimeAgreesWithLibTorch) {
  const std::vector<ScoringRequest> requests = RandomRequests(30);
  const std::vector<RequestScore> half = Torch(8).Score(0, requests);
  ExpectEqual(Runtime().Score(0, requests), half, 1e-4);
  const std::vector<RequestScore> full = Torch(8).Score(1, requests);
  ExpectEqual(Runtime().Score(1, requests), full, 1e-4);
  EXPECT_GT(std::abs(half[0][0].log_probabilities[0] - full[0][0].log_probabilities[0]), 1e-3);
}

TEST_F(ScoringEngineTest, BothMeasureTheLossOfWindows) {
  const TokenWindows windows = RandomWindows(config_, 7, 15, 32);
  for (size_t level = 0; level < 2; ++level) {
    const std::vector<double> expected =
        MeasureLoss(model_, windows, {.level = &bundle_->levels().levels[level]}).sequences;
    std::vector<size_t> done;
    TorchEngine torch = Torch(3);
    const std::vector<double> by_torch =
        torch.WindowLosses(level, windows, [&](size_t now, size_t total) {
          EXPECT_EQ(total, 7U);
          done.push_back(now);
        });
    EXPECT_EQ(done.back(), 7U);
    const std::vector<double> by_runtime = Runtime(2).WindowLosses(level, windows);
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(by_torch[i], expected[i], 1e-5);
      EXPECT_NEAR(by_runtime[i], expected[i], 1e-4);
    }
  }
}

TEST_F(ScoringEngineTest, AdaptersCanBeLeftOut) {
  BundleContents contents = testing::SmallContents();
  contents.adapters = {{.level = 0, .rank = 4, .scale = 1}};
  const auto model = ValueOrThrow(testing::LoadSmallModel(contents));
  const Bundle& bundle = model->bundle();
  TorchEngine torch(LoadBundleModel(bundle, torch::kCPU, torch::kFloat32), bundle.levels(), 2, 1,
                    LoadBundleAdapters(bundle, torch::kCPU, torch::kFloat32));
  RuntimeEngine runtime(model, 1);
  const std::vector<ScoringRequest> requests = {{.prompt = {1, 5, 6}, .continuations = {{7, 8}}}};
  for (const bool use : {true, false, true}) {
    torch.UseAdapters(use);
    runtime.UseAdapters(use);
    const auto scores = runtime.Score(0, requests);
    ExpectEqual(torch.Score(0, requests), scores, 1e-4);
    TorchEngine plain(LoadBundleModel(bundle, torch::kCPU, torch::kFloat32), bundle.levels(), 2, 1);
    const double bare = plain.Score(0, requests)[0][0].log_probabilities[0];
    const double difference = std::abs(scores[0][0].log_probabilities[0] - bare);
    if (use) {
      EXPECT_GT(difference, 1e-3);
    } else {
      EXPECT_LT(difference, 1e-4);
    }
  }
}

TEST_F(ScoringEngineTest, AnExceptionFromProgressStopsTheWork) {
  const std::vector<ScoringRequest> requests = RandomRequests(30);
  const auto stop = [](size_t, size_t) { throw Error(InvalidArgument("stop")); };
  EXPECT_THROW((void)Torch(2, 2).Score(0, requests, stop), Error);
  EXPECT_THROW((void)Runtime(2).Score(0, requests, stop), Error);
}

// Lets no unit count.
class NoUnits : public UnitGating {
 public:
  torch::Tensor Heads(size_t, const torch::Tensor&, const torch::Tensor& outputs) const override {
    return torch::zeros({outputs.size(0), outputs.size(1), outputs.size(2)});
  }
  torch::Tensor Neurons(size_t, const torch::Tensor&, const torch::Tensor& outputs) const override {
    return torch::zeros_like(outputs);
  }
};

TEST_F(ScoringEngineTest, GatesMayLeavePromptsAlone) {
  LevelTable table;
  table.levels = {bundle_->levels().full()};
  const auto score = [&](bool gated, bool gates_prompts, const ScoringRequest& request) {
    std::vector<LevelExtras> extras(1);
    if (gated) extras[0].gating = std::make_shared<NoUnits>();
    extras[0].gates_prompts = gates_prompts;
    TorchEngine engine(model_, table, 2, 1, std::move(extras));
    const std::vector<ScoringRequest> requests = {request, {{4}, {{5, 6, 7}}}};  // of other lengths
    return engine.Score(0, requests).front().front().log_probabilities;
  };
  const ScoringRequest request = {{1, 2, 3, 4, 5}, {{6, 7}}};
  const auto whole = score(false, true, request);
  const auto behind = score(true, false, request);
  const auto everywhere = score(true, true, request);
  EXPECT_NEAR(behind[0], whole[0], 1e-5) << "the prompt predicts the first token";
  EXPECT_GT(std::abs(behind[1] - whole[1]), 1e-4);
  EXPECT_GT(std::abs(everywhere[0] - whole[0]), 1e-4);
}

}  // namespace
}  // namespace elm
