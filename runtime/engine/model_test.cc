#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "formats/base/testing/temporary_directory.h"
#include "runtime/engine/testing/tiny_model.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {
namespace {

using ::testing::HasSubstr;
using testing::SmallContents;

TEST(Model, MissingFileIsNotFound) {
  const auto model = Model::Load("/nowhere/model.elm");
  EXPECT_EQ(model.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(model.status().message(), HasSubstr("/nowhere/model.elm"));
}

TEST(Model, CarriesItsTokenizer) {
  auto model = testing::LoadSmallModel(SmallContents());
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  auto tokenizer = (*model)->tokenizer();
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  EXPECT_EQ((*tokenizer)->size(), testing::TinyPieces().size());
  EXPECT_EQ(*(*model)->tokenizer(), *tokenizer);
}

TEST(Model, ThreadsGetTheSameTokenizer) {
  auto model = testing::LoadSmallModel(SmallContents());
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  std::vector<const Tokenizer*> seen(4);
  std::vector<std::thread> threads;
  for (auto& slot : seen) {
    threads.emplace_back([&] { slot = *(*model)->tokenizer(); });
  }
  for (auto& thread : threads) thread.join();
  for (const Tokenizer* tokenizer : seen) EXPECT_EQ(tokenizer, seen[0]);
}

TEST(Model, WithoutTokenizerOnlyTextFails) {
  BundleContents contents = SmallContents();
  contents.tokenizer_model.clear();
  auto model = testing::LoadSmallModel(contents);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_EQ((*model)->tokenizer().status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(Session::Create(*model, {}).ok());
}

TEST(Model, BrokenTokenizerIsCorruption) {
  BundleContents contents = SmallContents();
  contents.tokenizer_model = "not a tokenizer";
  auto model = testing::LoadSmallModel(contents);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_EQ((*model)->tokenizer().status().code(), StatusCode::kCorruption);
}

TEST(Model, TokenizerLargerThanTheVocabularyIsRefused) {
  BundleContents contents = SmallContents();
  const auto pieces = static_cast<uint32_t>(testing::TinyPieces().size());
  contents.config.vocab = pieces - 1;
  auto model = testing::LoadSmallModel(contents);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  const Status status = (*model)->tokenizer().status();
  EXPECT_EQ(status.code(), StatusCode::kCorruption);
  EXPECT_THAT(status.message(), HasSubstr(std::to_string(pieces)));
  EXPECT_THAT(status.message(), HasSubstr(std::to_string(pieces - 1)));
}

TEST(Model, VerifyingFindsADamagedWeight) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.Path("damaged.elm");
  ASSERT_TRUE(testing::WriteSmallBundle(path, SmallContents()).ok());
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1000, std::ios::end);
    const char before = static_cast<char>(file.peek());
    file.put(static_cast<char>(before ^ 1));
  }
  EXPECT_TRUE(Model::Load(path).ok());
  EXPECT_EQ(Model::Load(path, {.verify_weights = true}).status().code(), StatusCode::kCorruption);
}

}  // namespace
}  // namespace elm
