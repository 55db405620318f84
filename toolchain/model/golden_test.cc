// The golden values that independent implementations computed for models of others' making.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "formats/base/testing/assets.h"
#include "formats/checkpoint/checkpoint.h"
#include "toolchain/base/error.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/model/torch_compat.h"

namespace elm {
namespace {

using nlohmann::json;

struct GoldenModel {
  const char* name;        // folder under models/, which holds golden.json
  const char* checkpoint;  // inside that folder
};

constexpr GoldenModel kModels[] = {
    {"stories3M", "."},
    {"stories260K", "hf"},
    {"stories260K", "stories260K.bin"},
    {"stories260K", "stories260K-f32.gguf"},
    {"babyllama105", "hf"},
    {"babyllama105", "model5000.bin"},
    {"llama_sharded_tiny", "."},
    {"llama_mha_tiny", "."},
};

std::string CheckpointPath(const GoldenModel& model) {
  return AssetPath(StrCat("models/", model.name, "/", model.checkpoint));
}

Llama LoadGolden(const GoldenModel& model, torch::Dtype dtype = torch::kFloat32) {
  const auto checkpoint = ValueOrThrow(OpenCheckpoint(CheckpointPath(model)));
  return Llama::Load(*checkpoint, torch::kCPU, dtype);
}

json ReadGolden(const GoldenModel& model) {
  std::ifstream file(AssetPath(StrCat("models/", model.name, "/golden.json")));
  return json::parse(file);
}

torch::Tensor Ids(const json& ids) {
  return torch::tensor(ids.get<std::vector<int64_t>>(), torch::kInt64).unsqueeze(0);
}

class GoldenTest : public ::testing::TestWithParam<GoldenModel> {
 protected:
  void SetUp() override {
    SetTorchThreads(1);
    if (CheckpointPath(GetParam()).empty()) GTEST_SKIP() << MissingAsset(GetParam().name);
    golden_ = ReadGolden(GetParam());
  }

  torch::NoGradGuard no_grad_;
  json golden_;
};

TEST_P(GoldenTest, LastPromptPositionHasTheLargestLogitsAndTheirNormaliser) {
  const Llama model = LoadGolden(GetParam());
  for (const json& sample : golden_.at("cases")) {
    const torch::Tensor logits = model.Logits(Ids(sample.at("ids")))[0][-1];
    const torch::Tensor best = std::get<1>(logits.topk(8));
    for (int64_t i = 0; i < 8; ++i) {
      const json& expected = sample.at("top8")[static_cast<size_t>(i)];
      EXPECT_EQ(best[i].item<int64_t>(), expected[0].get<int64_t>());
      EXPECT_NEAR(logits[expected[0].get<int64_t>()].item<double>(), expected[1].get<double>(),
                  2e-3);
    }
    EXPECT_NEAR(logits.logsumexp(0).item<double>(), sample.at("logsumexp").get<double>(), 2e-3);
  }
}

TEST_P(GoldenTest, GreedyDecodingWithACacheWritesTheSameIds) {
  const Llama model = LoadGolden(GetParam());
  for (const json& sample : golden_.at("cases")) {
    KvCache cache;
    torch::Tensor input = Ids(sample.at("ids"));
    std::vector<int64_t> written;
    while (written.size() < sample.at("greedy").size()) {
      input = model.Logits(input, {.cache = &cache}).select(1, -1).argmax(-1, /*keepdim=*/true);
      written.push_back(input.item<int64_t>());
    }
    EXPECT_EQ(written, sample.at("greedy").get<std::vector<int64_t>>());
  }
}

TEST_P(GoldenTest, WindowsHaveTheSameLoss) {
  const Llama model = LoadGolden(GetParam());
  for (const json& window : golden_.at("nll")) {
    EXPECT_NEAR(model.SequenceLoss(Ids(window.at("ids"))).item<double>(),
                window.at("mean_nll").get<double>(), 1e-4);
  }
}

TEST_P(GoldenTest, BFloat16LosesLittle) {
  const Llama model = LoadGolden(GetParam(), torch::kBFloat16);
  double difference = 0;
  for (const json& window : golden_.at("nll")) {
    difference += model.SequenceLoss(Ids(window.at("ids"))).item<double>() -
                  window.at("mean_nll").get<double>();
  }
  EXPECT_LT(std::abs(difference / static_cast<double>(golden_.at("nll").size())), 0.03);
}

TEST_P(GoldenTest, AnyOrderOfUnitsGivesTheSameLogits) {
  const Llama model = LoadGolden(GetParam());
  const torch::Tensor ids = Ids(golden_.at("nll")[0].at("ids"));
  const torch::Tensor expected = model.Logits(ids);
  for (const bool whole_groups : {true, false}) {
    const UnitOrder order = RandomOrder(model.config(), whole_groups, 17);
    const double difference = MaxDifference(model.Reordered(order).Logits(ids), expected);
    EXPECT_LE(difference, 1e-3);
    RecordProperty(whole_groups ? "groups" : "heads", std::to_string(difference));
  }
}

std::string TestName(const ::testing::TestParamInfo<GoldenModel>& info) {
  std::string name = StrCat(info.param.name, "_", info.param.checkpoint);
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenTest, ::testing::ValuesIn(kModels), TestName);

TEST(GoldenFormsTest, ThreeFormsOfOneModelGiveTheSameLogits) {
  if (AssetPath("models/stories260K").empty()) GTEST_SKIP() << MissingAsset("models/stories260K");
  torch::NoGradGuard no_grad;
  const torch::Tensor ids = Ids(ReadGolden(kModels[1]).at("nll")[0].at("ids"));
  const torch::Tensor expected = LoadGolden(kModels[1]).Logits(ids);
  EXPECT_LE(MaxDifference(LoadGolden(kModels[2]).Logits(ids), expected), 1e-4);
  EXPECT_LE(MaxDifference(LoadGolden(kModels[3]).Logits(ids), expected), 1e-4);
}

}  // namespace
}  // namespace elm
