#include "toolchain/pack/synthesize.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "formats/base/mapped_file.h"
#include "formats/elm/bundle.h"
#include "runtime/include/elm/elm.hpp"
#include "toolchain/base/error.h"
#include "toolchain/pack/character_tokenizer.h"

namespace elm {
namespace {

ModelConfig SmallShape() {
  ModelConfig config = FindShape("110m").config;
  config.layers = 5;
  config.vocab = 400;
  config.width = 96;
  config.head_dim = 8;
  config.neurons = 160;
  return config;
}

TEST(SynthesizeTest, ABundleGeneratesAtEveryLevelAndIsTheSameEveryTime) {
  const std::string path = ::testing::TempDir() + "elm_synthetic.elm";
  SynthesizeBundle(SmallShape(), {}, path);
  const std::string first = ValueOrThrow(ReadFile(path, uint64_t{1} << 30));
  const auto model = ValueOrThrow(Model::Load(path, {.verify_weights = true}));
  for (const Level& level : model->levels().levels) {
    const auto session =
        ValueOrThrow(Session::Create(model, {.level = LevelName(level.name_permille)}));
    const auto result = ValueOrThrow(
        Generate(*session, "Hello", {.max_tokens = 3, .sampling = {}, .ignore_stop = true}));
    EXPECT_EQ(result.ids.size(), 3U);
  }
  EXPECT_EQ(model->levels().levels.size(), 9U);
  SynthesizeBundle(SmallShape(), {}, path);
  EXPECT_TRUE(first == ValueOrThrow(ReadFile(path, uint64_t{1} << 30)));
  std::filesystem::remove(path);
}

TEST(SynthesizeTest, EveryLevelBelowTheFullOneCanHaveAnAdapter) {
  const std::string path = ::testing::TempDir() + "elm_synthetic_adapters.elm";
  SynthesizeOptions options;
  options.levels = {300, 600, 1000};
  options.adapter_rank = 4;
  SynthesizeBundle(SmallShape(), options, path);
  const auto model = ValueOrThrow(Model::Load(path, {.verify_weights = true}));
  ASSERT_EQ(model->bundle().view().adapters.size(), 2U);
  std::vector<float> logits[2];
  for (const bool adapters : {false, true}) {
    const auto session =
        ValueOrThrow(Session::Create(model, {.level = "0.6", .adapters = adapters}));
    ThrowIfError(session->Append({{1, 2, 3}}));
    logits[adapters].assign(session->logits().begin(), session->logits().end());
  }
  EXPECT_NE(logits[0], logits[1]);
  std::filesystem::remove(path);
}

TEST(SynthesizeTest, AnUnknownShapeListsTheKnownOnes) {
  try {
    FindShape("enormous");
    FAIL() << "found a shape that is not there";
  } catch (const Error& error) {
    EXPECT_NE(error.status().message().find("tinyllama-1.1b"), std::string::npos);
  }
}

TEST(CharacterTokenizerTest, SpellsEveryText) {
  const auto tokenizer = ValueOrThrow(Tokenizer::Load(CharacterTokenizer()));
  for (const char* text : {"Hello, world! ~", "na\xc3\xafve \xe2\x82\xac 5", "line\nbreak\t."}) {
    EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text)), text);
  }
}

}  // namespace
}  // namespace elm
