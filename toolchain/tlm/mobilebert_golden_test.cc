// Hidden states that Hugging Face's MobileBERT gives for two small models with random weights.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "formats/base/testing/assets.h"
#include "toolchain/base/error.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/tlm/import_mobilebert.h"

namespace elm {
namespace {

using nlohmann::json;
using torch::Tensor;

constexpr double kTolerance = 1e-4;

Tensor Row(const json& values) { return torch::tensor(values.get<std::vector<float>>()); }

double Difference(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

TlmBatch BatchOf(const std::vector<int64_t>& ids, const std::vector<int64_t>& types) {
  return {torch::tensor(ids, torch::kInt64).unsqueeze(0),
          torch::tensor(types, torch::kInt64).unsqueeze(0),
          torch::ones({1, static_cast<int64_t>(ids.size())}, torch::kBool)};
}

class MobileBertGoldenTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    SetTorchThreads(1);
    directory_ = AssetPath(StrCat("models/", GetParam()));
    if (directory_.empty()) GTEST_SKIP() << MissingAsset(GetParam());
    golden_ = json::parse(std::ifstream(directory_ + "/golden.json"));
  }

  TorchTlm Import() const {
    TlmConfig config = ReadMobileBert(directory_).config;
    config.prompt_levels = 10;
    config.model_levels = 9;
    return ImportMobileBert(directory_, config, /*seed=*/1);
  }

  torch::NoGradGuard no_grad_;
  std::string directory_;
  json golden_;
};

INSTANTIATE_TEST_SUITE_P(Models, MobileBertGoldenTest,
                         ::testing::Values("mobilebert_tiny_random",
                                           "mobilebert_tiny_random_layernorm"));

TEST_P(MobileBertGoldenTest, HiddenStatesAreThoseOfHuggingFace) {
  const TorchTlm model = Import();
  ASSERT_GE(golden_["cases"].size(), 8U);
  for (const json& item : golden_["cases"]) {
    const TlmBatch batch = BatchOf(item["input_ids"].get<std::vector<int64_t>>(),
                                   item["token_type_ids"].get<std::vector<int64_t>>());
    EXPECT_LT(Difference(model.Embed(batch)[0][0], Row(item["embedding_first_row"])), kTolerance)
        << item["name"];
    for (const TlmBranch branch : {TlmBranch::kScore, TlmBranch::kDecision}) {
      const Tensor hidden = model.RunBranch(model.RunShared(batch), batch.visible, branch)[0];
      for (size_t i = 0; i < item["rows"].size(); ++i) {
        EXPECT_LT(
            Difference(hidden[item["rows"][i].get<int64_t>()], Row(item["last_hidden_state"][i])),
            kTolerance)
            << item["name"] << ", row " << item["rows"][i];
      }
    }
  }
}

TEST_P(MobileBertGoldenTest, SloTokensBeginOrthogonalInRowsOfTheirOwn) {
  TlmConfig config = ReadMobileBert(directory_).config;
  const uint32_t before = config.vocab;
  constexpr uint32_t kSloTokens = 15;
  config.vocab += kSloTokens;
  config.prompt_levels = 10;
  config.model_levels = 9;
  const TorchTlm model = ImportMobileBert(directory_, config, /*seed=*/1);
  const Tensor words = model.Get(TlmRole::kWords);
  const Tensor slo = words.slice(0, before);
  ASSERT_EQ(slo.size(0), kSloTokens);
  const Tensor products = torch::matmul(slo, slo.t());
  const double length = products.diagonal().min().item<double>();
  EXPECT_GT(length, 0.01);
  EXPECT_LT(Difference(products, torch::diag(products.diagonal())), 1e-4 * length);
  EXPECT_TRUE(words.slice(0, 0, before).equal(Import().Get(TlmRole::kWords)));
}

TEST_P(MobileBertGoldenTest, PaddingAndNeighboursChangeNothing) {
  const TorchTlm model = Import();
  const TlmWindow shorter = {{2, 55, 256, 471, 3, 9, 12}, 5, 0};
  const TlmWindow longer = {{2, 7, 3, 40, 41, 42, 43, 44, 45, 46, 47, 48}, 3, 0};
  const TlmWindow* both[] = {&shorter, &longer};
  const TlmWindow* alone[] = {&shorter};
  const Tensor padded = model.ScoreLogits(MakeTlmBatch(both))[0].slice(0, 0, 7);
  EXPECT_LT(Difference(padded, model.ScoreLogits(MakeTlmBatch(alone))[0]), 1e-5);
}

class ImportRulesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string from = AssetPath("models/mobilebert_tiny_random");
    if (from.empty()) GTEST_SKIP() << MissingAsset("models/mobilebert_tiny_random");
    folder_ = ::testing::TempDir() + "mobilebert_rules";
    std::filesystem::remove_all(folder_);
    std::filesystem::copy(from, folder_);
    config_ = json::parse(std::ifstream(folder_ + "/config.json"));
  }

  // What ReadMobileBert() says to the directory with that field changed.
  std::string Refusal(const char* field, const json& value) {
    json changed = config_;
    changed[field] = value;
    std::ofstream(folder_ + "/config.json") << changed.dump();
    try {
      ReadMobileBert(folder_);
    } catch (const Error& error) {
      return error.status().message();
    }
    return "";
  }

  std::string folder_;
  json config_;
};

TEST_F(ImportRulesTest, WhatDiffersIsRefusedByName) {
  for (const auto& [field, value] :
       std::vector<std::pair<const char*, json>>{{"model_type", "bert"},
                                                 {"hidden_act", "gelu"},
                                                 {"use_bottleneck", false},
                                                 {"use_bottleneck_attention", true},
                                                 {"key_query_shared_bottleneck", false},
                                                 {"true_hidden_size", 64},
                                                 {"normalization_type", "rms_norm"}}) {
    const std::string refusal = Refusal(field, value);
    EXPECT_NE(refusal.find(field), std::string::npos) << field << ": " << refusal;
    EXPECT_NE(refusal.find("config.json"), std::string::npos) << refusal;
  }
  EXPECT_EQ(Refusal("hidden_act", "relu"), "");
}

TEST_F(ImportRulesTest, ATensorOfAnotherShapeIsNamed) {
  EXPECT_EQ(Refusal("intermediate_size", 32), "");
  TlmConfig config = ReadMobileBert(folder_).config;
  config.prompt_levels = 1;
  config.model_levels = 1;
  try {
    ImportMobileBert(folder_, config, 1);
    FAIL() << "was imported";
  } catch (const Error& error) {
    EXPECT_NE(error.status().message().find("intermediate.dense.weight"), std::string::npos)
        << error.status().message();
  }
}

TEST_F(ImportRulesTest, AVocabularyOfAnotherSizeIsRefused) {
  std::ofstream(folder_ + "/vocab.txt") << "[PAD]\n[UNK]\n";
  const std::string refusal = Refusal("hidden_act", "relu");
  EXPECT_NE(refusal.find("has 2 pieces"), std::string::npos) << refusal;
}

}  // namespace
}  // namespace elm
