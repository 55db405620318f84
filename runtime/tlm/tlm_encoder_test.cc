#include "runtime/tlm/tlm_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "formats/base/testing/temporary_directory.h"
#include "formats/elm/testing/tiny_bundle.h"
#include "runtime/kernels/testing/supported_kernels.h"

namespace elm {
namespace {

using Json = nlohmann::json;

std::string ReadAll(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(text).str();
}

// The tensors of a safetensors file in F32: name -> values.
std::map<std::string, std::vector<float>> ReadSafetensors(const std::string& path) {
  const std::string file = ReadAll(path);
  uint64_t header_size = 0;
  std::memcpy(&header_size, file.data(), sizeof header_size);
  const Json header = Json::parse(file.substr(sizeof header_size, header_size));
  std::map<std::string, std::vector<float>> tensors;
  for (const auto& [name, tensor] : header.items()) {
    if (name == "__metadata__") continue;
    EXPECT_EQ(tensor["dtype"], "F32") << name;
    const size_t begin = tensor["data_offsets"][0];
    const size_t end = tensor["data_offsets"][1];
    std::vector<float> values((end - begin) / sizeof(float));
    std::memcpy(values.data(), file.data() + sizeof header_size + header_size + begin, end - begin);
    tensors[name] = std::move(values);
  }
  return tensors;
}

TlmConfig ConfigOf(const Json& json, uint32_t shared_layers) {
  TlmConfig config;
  config.vocab = json["vocab_size"];
  config.positions = json["max_position_embeddings"];
  config.token_types = json["type_vocab_size"];
  config.embedding = json["embedding_size"];
  config.trigram = json["trigram_input"];
  config.hidden = json["hidden_size"];
  config.bottleneck = json["true_hidden_size"];
  config.heads = json["num_attention_heads"];
  config.intermediate = json["intermediate_size"];
  config.feed_forwards = json["num_feedforward_networks"];
  config.layer_norm = json["normalization_type"] == "layer_norm";
  config.norm_epsilon = json["layer_norm_eps"];
  config.layers = json["num_hidden_layers"];
  config.shared_layers = shared_layers;
  config.prompt_levels = 3;
  config.model_levels = 2;
  return config;
}

// Settings around a config; the vocabulary's words mean nothing.
TlmSettings SettingsOf(const TlmConfig& config) {
  TlmSettings settings = testing::TinyTlmSettings();
  settings.config = config;
  settings.vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  for (uint32_t id = 5; id + 5 < config.vocab; ++id) {
    settings.vocabulary += StrCat("word", id, "\n");
  }
  for (const uint32_t permille : settings.ttft_permille) {
    settings.vocabulary += TtftPiece(permille) + "\n";
  }
  for (const uint32_t permille : settings.tpot_permille) {
    settings.vocabulary += TpotPiece(permille) + "\n";
  }
  return settings;
}

Result<std::shared_ptr<const Bundle>> MakeBundle(const TlmContents& tlm, const TlmSource& source,
                                                 const std::string& path) {
  BundleContents contents = testing::TinyContents();
  contents.tlm = tlm;
  ELM_RETURN_IF_ERROR(
      WriteBundle(path, contents, testing::FillTiny, {}, LeastErrorQuantiser(), {}, source));
  return Bundle::Open(path);
}

// Hidden states of Hugging Face's MobileBertModel, by both branches, whatever is shared.
class GoldenTest : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenTest, HiddenStatesAreHuggingFaces) {
  const char* assets = std::getenv("ELM_ASSETS");
  const std::string folder = StrCat(assets == nullptr ? "" : assets, "/models/", GetParam());
  if (!std::ifstream(folder + "/golden.json")) GTEST_SKIP() << folder << " is not there";
  const Json golden = Json::parse(ReadAll(folder + "/golden.json"));
  const Json json = Json::parse(ReadAll(folder + "/config.json"));
  const auto tensors = ReadSafetensors(folder + "/model.safetensors");
  const testing::TemporaryDirectory directory;
  for (const uint32_t shared_layers : {0U, 2U, 4U}) {
    SCOPED_TRACE(StrCat("shared layers ", shared_layers));
    const TlmConfig config = ConfigOf(json, shared_layers);
    const TlmSource source = [&](const TlmTensorSpec& spec, std::span<float> values) {
      const auto name = MobileBertName(config, spec);
      if (!name) return Status::Ok();  // heads, which are not looked at
      const auto found = tensors.find(*name);
      if (found == tensors.end()) return NotFound(*name);
      if (found->second.size() != values.size()) return Corruption(*name, ": another size");
      std::copy(found->second.begin(), found->second.end(), values.begin());
      return Status::Ok();
    };
    const auto bundle = MakeBundle({.settings = SettingsOf(config), .weights = WeightType::kF32},
                                   source, directory.Path("mobilebert.elm"));
    ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
    for (const KernelTable* kernels : testing::SupportedKernels()) {
      for (const uint32_t threads : {1U, 3U}) {
        auto encoder = TlmEncoder::Create(*(*bundle)->view().tlm, *kernels, threads).value();
        for (const Json& each : golden["cases"]) {
          SCOPED_TRACE(StrCat(kernels->name, " ", threads, " ", each["name"].get<std::string>()));
          const auto ids = each["input_ids"].get<std::vector<uint32_t>>();
          const auto types = each["token_type_ids"].get<std::vector<uint32_t>>();
          encoder->RunShared(ids, types);
          for (const TlmBranch branch : {TlmBranch::kScore, TlmBranch::kDecision}) {
            const float* states = encoder->RunBranch(branch);
            const Json& rows = each["rows"];
            for (size_t r = 0; r < rows.size(); ++r) {
              const auto expected = each["last_hidden_state"][r].get<std::vector<float>>();
              ASSERT_EQ(expected.size(), config.hidden);
              const float* state = states + rows[r].get<size_t>() * config.hidden;
              for (size_t i = 0; i < expected.size(); ++i) {
                ASSERT_NEAR(state[i], expected[i], 1e-4) << "row " << rows[r] << " column " << i;
              }
            }
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(MobileBert, GoldenTest,
                         ::testing::Values("mobilebert_tiny_random",
                                           "mobilebert_tiny_random_layernorm"),
                         [](const auto& info) { return std::string(info.param); });

// A shape whose widths fit no tile, next to one that integers can have.
TlmConfig OddConfig() {
  TlmConfig config = testing::TinyTlmConfig();
  config.vocab = 40;
  config.positions = 150;
  config.embedding = 10;
  config.hidden = 36;
  config.bottleneck = 12;
  config.heads = 3;
  config.intermediate = 20;
  return config;
}

TlmConfig EvenConfig() {
  TlmConfig config = OddConfig();
  config.embedding = 32;
  config.hidden = 96;
  config.bottleneck = 32;
  config.heads = 2;
  config.intermediate = 64;
  return config;
}

Status FillSmall(const TlmTensorSpec& spec, std::span<float> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    const float value = testing::TinyTlmValue(spec, i);
    const float spread = 1.5F / std::sqrt(static_cast<float>(spec.columns));
    values[i] = !spec.is_vector()              ? spread * value
                : spec.is_norm() && !spec.bias ? 0.8F + 0.1F * value
                                               : 0.2F * value;
  }
  return Status::Ok();
}

std::vector<uint32_t> SomeIds(size_t count, uint32_t vocab) {
  std::vector<uint32_t> ids(count);
  for (size_t i = 0; i < count; ++i) ids[i] = static_cast<uint32_t>((i * 7 + i / 3) % vocab);
  return ids;
}

std::vector<float> StatesOf(TlmEncoder& encoder, const TlmConfig& config, size_t tokens,
                            TlmBranch branch, bool first_only = false) {
  const std::vector<uint32_t> ids = SomeIds(tokens, config.vocab);
  std::vector<uint32_t> types(tokens, 1);
  types[0] = 0;
  encoder.RunShared(ids, types);
  const float* states = encoder.RunBranch(branch, first_only);
  return {states, states + (first_only ? 1 : tokens) * config.hidden};
}

class ShapesTest : public ::testing::TestWithParam<WeightType> {};

TEST_P(ShapesTest, InstructionSetsAndThreadsAgree) {
  const testing::TemporaryDirectory directory;
  for (const TlmConfig& config : {OddConfig(), EvenConfig()}) {
    const auto bundle =
        MakeBundle({.settings = SettingsOf(config), .weights = GetParam(), .group = 32}, FillSmall,
                   directory.Path("tlm.elm"));
    ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
    const BundleTlm& tlm = *(*bundle)->view().tlm;
    const auto scalar = FindKernels("scalar").value();
    auto reference = TlmEncoder::Create(tlm, *scalar, 1).value();
    for (const size_t tokens : {1U, 2U, 17U, 64U, 65U, 150U}) {
      const auto expected = StatesOf(*reference, config, tokens, TlmBranch::kScore);
      for (const KernelTable* kernels : testing::SupportedKernels()) {
        SCOPED_TRACE(StrCat(kernels->name, " ", tokens, " tokens"));
        auto one = TlmEncoder::Create(tlm, *kernels, 1).value();
        auto three = TlmEncoder::Create(tlm, *kernels, 3).value();
        const auto states = StatesOf(*one, config, tokens, TlmBranch::kScore);
        EXPECT_EQ(states, StatesOf(*three, config, tokens, TlmBranch::kScore));
        // Activations are rounded for bf16 and integers, and roundings tip over.
        const double tolerance = ReadsRows(GetParam()) ? 1e-4 : 0.05;
        for (size_t i = 0; i < states.size(); ++i) {
          ASSERT_NEAR(states[i], expected[i], tolerance) << i;
        }
      }
    }
  }
}

// Branches have weights of their own, and leave what they share as it is.
TEST_P(ShapesTest, BranchesDoNotDisturbEachOther) {
  const testing::TemporaryDirectory directory;
  const TlmConfig config = EvenConfig();
  const auto bundle =
      MakeBundle({.settings = SettingsOf(config), .weights = GetParam(), .group = 32}, FillSmall,
                 directory.Path("tlm.elm"))
          .value();
  auto encoder = TlmEncoder::Create(*bundle->view().tlm, *ChooseKernels().value(), 2).value();
  const auto score = StatesOf(*encoder, config, 70, TlmBranch::kScore);
  const auto decision = StatesOf(*encoder, config, 70, TlmBranch::kDecision);
  EXPECT_NE(score, decision);
  const float* again = encoder->RunBranch(TlmBranch::kScore);
  EXPECT_EQ(score, std::vector<float>(again, again + score.size()));
  // The first row alone is what it is among all.
  const auto first = StatesOf(*encoder, config, 70, TlmBranch::kDecision, /*first_only=*/true);
  for (size_t i = 0; i < first.size(); ++i) EXPECT_NEAR(first[i], decision[i], 1e-5) << i;
}

INSTANTIATE_TEST_SUITE_P(Types, ShapesTest, ::testing::ValuesIn(kWeightTypes),
                         [](const auto& info) { return WeightTypeName(info.param); });

// A shorter window behind a longer one sees nothing of it.
TEST(TlmEncoderTest, WindowsLeaveNothingBehind) {
  const testing::TemporaryDirectory directory;
  const TlmConfig config = EvenConfig();
  const auto bundle = MakeBundle({.settings = SettingsOf(config), .weights = WeightType::kF16},
                                 FillSmall, directory.Path("tlm.elm"))
                          .value();
  auto encoder = TlmEncoder::Create(*bundle->view().tlm, *ChooseKernels().value(), 2).value();
  const auto fresh = StatesOf(*encoder, config, 21, TlmBranch::kScore);
  StatesOf(*encoder, config, 150, TlmBranch::kScore);
  EXPECT_EQ(StatesOf(*encoder, config, 21, TlmBranch::kScore), fresh);
}

}  // namespace
}  // namespace elm
