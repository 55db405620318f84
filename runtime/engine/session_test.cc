#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <vector>

#include "formats/base/testing/temporary_directory.h"
#include "runtime/engine/testing/tiny_model.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {
namespace {

using ::testing::HasSubstr;
using testing::LoadSmallModel;
using testing::ReferenceModel;
using testing::SmallContents;

std::shared_ptr<const Model> Load(const BundleContents& contents) {
  auto model = LoadSmallModel(contents);
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  return *model;
}

std::unique_ptr<Session> Open(std::shared_ptr<const Model> model, const std::string& level,
                              uint32_t context = 0) {
  auto session = Session::Create(std::move(model), {.level = level, .context = context});
  EXPECT_TRUE(session.ok()) << session.status().ToString();
  return std::move(*session);
}

// Enough tokens for more than one block.
std::vector<uint32_t> Ids(size_t count) {
  std::vector<uint32_t> ids(count);
  for (size_t i = 0; i < count; ++i) ids[i] = static_cast<uint32_t>((i * 37 + 11) % 290);
  return ids;
}

double LargestDifference(std::span<const float> actual, std::span<const double> expected) {
  EXPECT_EQ(actual.size(), expected.size());
  double largest = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double difference = std::abs(actual[i] - expected[i]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

double LargestDifference(std::span<const float> actual, std::span<const float> expected) {
  const std::vector<double> widened(expected.begin(), expected.end());
  return LargestDifference(actual, widened);
}

std::vector<float> Copy(std::span<const float> values) { return {values.begin(), values.end()}; }

// Sums in another order may round a key or value to its other neighbour in f16; with bf16 weights
// the kernels round activations too.
double Tolerance(WeightType type) { return type == WeightType::kBf16 ? 0.2 : 2e-3; }

void CheckEveryLevel(const BundleContents& contents, KvType kv = KvType::kF16) {
  const bool exact = kv == KvType::kF32 && contents.weights != WeightType::kBf16;
  // A value between two integers may be rounded to the other one.
  const double tolerance = exact ? 1e-4 : kv == KvType::kQ8 ? 0.02 : Tolerance(contents.weights);
  const auto model = Load(contents);
  const ReferenceModel reference(contents, kv);
  const auto ids = Ids(45);
  for (size_t level = 0; level < contents.levels.levels.size(); ++level) {
    const std::string name = LevelName(contents.levels.levels[level].name_permille);
    SCOPED_TRACE(StrCat("level ", name, ", ", WeightTypeName(contents.weights)));
    const auto expected = reference.Logits(ids, level);
    auto session = Session::Create(model, {.level = name, .kv = kv}).value();
    size_t visited = 0;
    ASSERT_TRUE(session
                    ->Score(ids,
                            [&](size_t index, std::span<const float> logits) {
                              EXPECT_EQ(index, visited++);
                              EXPECT_LE(LargestDifference(logits, expected[index]), tolerance);
                            })
                    .ok());
    EXPECT_EQ(visited, ids.size());
    EXPECT_LE(LargestDifference(session->logits(), expected.back()), tolerance);
  }
}

BundleContents ContentsWithAdapters(WeightType weights) {
  BundleContents contents = SmallContents(weights);
  for (uint32_t level = 0; level + 1 < contents.levels.levels.size(); ++level) {
    contents.adapters.push_back({.level = level, .rank = 3 + 5 * level, .scale = 0.75F});
  }
  return contents;
}

TEST(Session, EveryLevelAgreesWithTheReference) {
  for (const WeightType dtype : {WeightType::kF32, WeightType::kF16, WeightType::kBf16}) {
    CheckEveryLevel(SmallContents(dtype));
    CheckEveryLevel(SmallContents(dtype), KvType::kF32);
  }
}

TEST(Session, AnIntegerCacheAgreesWithTheReference) {
  CheckEveryLevel(SmallContents(), KvType::kQ8);
  CheckEveryLevel(ContentsWithAdapters(WeightType::kF16), KvType::kQ8);
}

TEST(Session, TiedHeadAgreesWithTheReference) {
  BundleContents contents = SmallContents();
  contents.config.tied_head = true;
  CheckEveryLevel(contents);
}

TEST(Session, AdaptersAgreeWithTheReference) {
  for (const WeightType weights : {WeightType::kF32, WeightType::kF16}) {
    CheckEveryLevel(ContentsWithAdapters(weights));
    CheckEveryLevel(ContentsWithAdapters(weights), KvType::kF32);
  }
}

TEST(Session, AdaptersCanBeLeftOut) {
  const auto ids = Ids(9);
  const ReferenceModel reference(SmallContents());
  const auto expected = reference.Logits(ids, 0).back();
  const auto model = Load(ContentsWithAdapters(WeightType::kF32));
  for (const bool adapters : {false, true}) {
    auto session = Session::Create(model, {.level = "0.3", .adapters = adapters}).value();
    ASSERT_TRUE(session->Append(ids).ok());
    const double difference = LargestDifference(session->logits(), expected);
    if (adapters) {
      EXPECT_GT(difference, 0.1);
    } else {
      EXPECT_LE(difference, 2e-3);
    }
  }
}

TEST(Session, AdaptersCanBeSwitchedOnAndOff) {
  const auto ids = Ids(9);
  const auto model = Load(ContentsWithAdapters(WeightType::kF32));
  const auto logits_of = [&](Session& session) {
    EXPECT_TRUE(session.Append(ids).ok());
    return Copy(session.logits());
  };
  std::vector<float> expected[2];
  for (const bool adapters : {false, true}) {
    const auto session = Session::Create(model, {.level = "0.3", .adapters = adapters}).value();
    expected[adapters] = logits_of(*session);
  }
  const auto session = Session::Create(model, {.level = "0.3"}).value();
  for (const bool adapters : {true, false, true}) {
    session->UseAdapters(adapters);
    EXPECT_EQ(session->position(), 0U);
    EXPECT_EQ(logits_of(*session), expected[adapters]);
  }
}

TEST(Session, TheNumberOfThreadsDoesNotChangeABit) {
  const auto ids = Ids(45);
  for (const WeightType weights : kWeightTypes) {
    const auto model = Load(SmallContents(ElementBits(weights) >= 16 ? weights : WeightType::kF16));
    std::vector<float> alone;
    for (const uint32_t threads : {1, 2}) {
      auto session = Session::Create(model, {.threads = threads}).value();
      ASSERT_TRUE(session->Append(ids).ok());
      if (alone.empty()) alone = Copy(session->logits());
      EXPECT_EQ(Copy(session->logits()), alone) << WeightTypeName(weights);
    }
  }
}

TEST(Session, LevelsDiffer) {
  const ReferenceModel reference(SmallContents());
  const auto ids = Ids(9);
  const auto small = reference.Logits(ids, 0).back();
  const auto full = reference.Logits(ids, 2).back();
  const std::vector<float> narrowed(small.begin(), small.end());
  EXPECT_GT(LargestDifference(narrowed, full), 0.1);
}

TEST(Session, OneByOneEqualsPrefill) {
  const auto model = Load(SmallContents());
  const auto ids = Ids(70);
  for (const char* level : {"0.3", "0.6", "1.0"}) {
    auto prefilled = Open(model, level);
    ASSERT_TRUE(prefilled->Append(ids).ok());
    auto incremental = Open(model, level);
    for (const uint32_t id : ids) ASSERT_TRUE(incremental->Append({{id}}).ok());
    EXPECT_EQ(incremental->position(), prefilled->position());
    EXPECT_LE(LargestDifference(incremental->logits(), prefilled->logits()), 1e-4) << level;
  }
}

TEST(Session, ScoreLeavesTheLogitsOfTheLastToken) {
  const auto model = Load(SmallContents());
  const auto ids = Ids(43);
  auto appended = Open(model, "0.6");
  ASSERT_TRUE(appended->Append(ids).ok());
  auto scored = Open(model, "0.6");
  ASSERT_TRUE(scored->Score(ids, [](size_t, std::span<const float>) {}).ok());
  EXPECT_LE(LargestDifference(scored->logits(), appended->logits()), 1e-6);
  EXPECT_EQ(scored->position(), 43U);
}

TEST(Session, LogitsAreEmptyBeforeTheFirstToken) {
  auto session = Open(Load(SmallContents()), "1.0");
  EXPECT_TRUE(session->logits().empty());
  ASSERT_TRUE(session->Append({}).ok());
  EXPECT_TRUE(session->logits().empty());
}

TEST(Session, SwitchingTheLevelEmptiesTheCache) {
  const auto model = Load(SmallContents());
  const auto ids = Ids(12);
  auto fresh = Open(model, "0.3");
  ASSERT_TRUE(fresh->Append(ids).ok());
  const auto expected = Copy(fresh->logits());

  auto session = Open(model, "1.0");
  ASSERT_TRUE(session->Append(Ids(30)).ok());
  ASSERT_TRUE(session->SetLevel("0.3").ok());
  EXPECT_EQ(session->level(), 0U);
  EXPECT_EQ(session->position(), 0U);
  EXPECT_TRUE(session->logits().empty());
  ASSERT_TRUE(session->Append(ids).ok());
  EXPECT_EQ(Copy(session->logits()), expected);
}

TEST(Session, AKeptCacheGoesOnAtTheLowerLevel) {
  const auto model = Load(SmallContents());
  auto session = Open(model, "1.0");
  ASSERT_TRUE(session->Append(Ids(30)).ok());
  const auto before = Copy(session->logits());
  ASSERT_TRUE(session->SetLevel("0.3", Session::OnSwitch::kKeep).ok());
  EXPECT_EQ(session->level(), 0U);
  EXPECT_EQ(session->position(), 30U);
  EXPECT_EQ(Copy(session->logits()), before);
  ASSERT_TRUE(session->Append({{7}}).ok());
  const auto kept = Copy(session->logits());

  // The lower level continues what the full one has read: neither level alone gives that.
  for (const char* level : {"0.3", "1.0"}) {
    auto alone = Open(model, level);
    ASSERT_TRUE(alone->Append(Ids(30)).ok());
    ASSERT_TRUE(alone->Append({{7}}).ok());
    EXPECT_NE(Copy(alone->logits()), kept) << level;
  }
  // An empty cache has nothing that could be approximate.
  auto fresh = Open(model, "0.3");
  ASSERT_TRUE(fresh->Append(Ids(12)).ok());
  session->Reset();
  ASSERT_TRUE(session->Append(Ids(12)).ok());
  EXPECT_EQ(Copy(session->logits()), Copy(fresh->logits()));
}

TEST(Session, ACacheIsKeptOnTheWayDownOnly) {
  auto session = Open(Load(SmallContents()), "0.3");
  ASSERT_TRUE(session->Append(Ids(5)).ok());
  const Status status = session->SetLevel("1.0", Session::OnSwitch::kKeep);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("level 1.0 needs heads that level 0.3 has not written"));
  EXPECT_EQ(session->level(), 0U);
  EXPECT_EQ(session->position(), 5U);
}

TEST(Session, TrimmingChangesNoResult) {
  const auto model = Load(SmallContents());
  for (const KvType kv : {KvType::kF16, KvType::kF32, KvType::kQ8}) {
    const Session::Options options = {.level = "0.6", .kv = kv};
    auto untouched = Session::Create(model, options).value();
    auto trimmed = Session::Create(model, options).value();
    ASSERT_TRUE(untouched->Append(Ids(40)).ok());
    ASSERT_TRUE(trimmed->Append(Ids(40)).ok());
    trimmed->Trim();
    EXPECT_EQ(Copy(trimmed->logits()), Copy(untouched->logits())) << KvTypeName(kv);
    ASSERT_TRUE(untouched->Append(Ids(20)).ok());
    ASSERT_TRUE(trimmed->Append(Ids(20)).ok());
    EXPECT_EQ(Copy(trimmed->logits()), Copy(untouched->logits())) << KvTypeName(kv);
  }
}

TEST(Session, AFileThatShrinksIsFoundBeforeItIsRead) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.Path("shrinking.elm");
  ASSERT_TRUE(testing::WriteSmallBundle(path, SmallContents()).ok());
  auto session = Open(Model::Load(path).value(), "1.0");
  ASSERT_TRUE(session->Append(Ids(5)).ok());
  const auto before = Copy(session->logits());
  std::filesystem::resize_file(path, 99);
  for (const Status& status :
       {session->Append({{1}}), session->Score({{1}}, [](size_t, std::span<const float>) {})}) {
    EXPECT_EQ(status.code(), StatusCode::kIo);
    EXPECT_THAT(status.message(), HasSubstr(path));
    EXPECT_THAT(status.message(), HasSubstr("to 99 bytes"));
  }
  EXPECT_EQ(session->position(), 5U);
  EXPECT_EQ(Copy(session->logits()), before);
}

TEST(Session, CopiedWeightsGiveTheSameLogits) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.Path("small.elm");
  ASSERT_TRUE(testing::WriteSmallBundle(path, SmallContents()).ok());
  std::vector<float> mapped;
  for (const bool copied : {false, true}) {
    auto session = Open(Model::Load(path, {.copy_weights = copied}).value(), "0.6");
    ASSERT_TRUE(session->Append(Ids(9)).ok());
    session->Trim();  // must not lose a copy
    ASSERT_TRUE(session->Append(Ids(3)).ok());
    if (!copied) mapped = Copy(session->logits());
    EXPECT_EQ(Copy(session->logits()), mapped);
  }
}

TEST(Session, SelectingTheSameLevelKeepsTheCache) {
  auto session = Open(Load(SmallContents()), "0.6");
  ASSERT_TRUE(session->Append(Ids(5)).ok());
  ASSERT_TRUE(session->SetLevel("60%").ok());
  EXPECT_EQ(session->position(), 5U);
}

TEST(Session, ResetForgets) {
  auto session = Open(Load(SmallContents()), "0.6");
  ASSERT_TRUE(session->Append(Ids(9)).ok());
  const auto first = Copy(session->logits());
  ASSERT_TRUE(session->Append(Ids(20)).ok());
  session->Reset();
  EXPECT_EQ(session->position(), 0U);
  EXPECT_EQ(session->level(), 1U);
  ASSERT_TRUE(session->Append(Ids(9)).ok());
  EXPECT_EQ(Copy(session->logits()), first);
}

TEST(Session, AfterRewindingAnotherContinuationIsAsIfItCameFirst) {
  const auto model = Load(SmallContents());
  for (const char* level : {"0.3", "1.0"}) {
    SCOPED_TRACE(level);
    // 40 tokens end inside the second block.
    const std::vector<uint32_t> prompt = Ids(40);
    const std::vector<uint32_t> continuation = {7, 3, 250};
    auto fresh = Open(model, level);
    ASSERT_TRUE(fresh->Append(prompt).ok());
    ASSERT_TRUE(fresh->Append(continuation).ok());

    auto session = Open(model, level);
    ASSERT_TRUE(session->Append(prompt).ok());
    ASSERT_TRUE(session->Append({{9, 8, 7, 6, 5, 4}}).ok());
    ASSERT_TRUE(session->Rewind(40).ok());
    EXPECT_EQ(session->position(), 40U);
    EXPECT_TRUE(session->logits().empty());
    ASSERT_TRUE(session->Append(continuation).ok());
    EXPECT_EQ(session->position(), 43U);
    EXPECT_EQ(Copy(session->logits()), Copy(fresh->logits()));
  }
}

TEST(Session, RewindingGoesBackOnly) {
  auto session = Open(Load(SmallContents()), "1.0");
  ASSERT_TRUE(session->Append(Ids(5)).ok());
  const auto before = Copy(session->logits());
  const Status status = session->Rewind(6);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("position 6"));
  EXPECT_THAT(status.message(), HasSubstr("holds 5"));
  EXPECT_EQ(session->position(), 5U);
  EXPECT_EQ(Copy(session->logits()), before);
  ASSERT_TRUE(session->Rewind(0).ok());
  EXPECT_EQ(session->position(), 0U);
  ASSERT_TRUE(session->Append(Ids(5)).ok());
  EXPECT_EQ(Copy(session->logits()), before);
}

TEST(Session, UnknownLevelListsTheNames) {
  const auto model = Load(SmallContents());
  const auto created = Session::Create(model, {.level = "0.5"});
  EXPECT_EQ(created.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(created.status().message(), HasSubstr("0.3, 0.6, 1.0"));
  auto session = Open(model, "0.6");
  ASSERT_TRUE(session->Append(Ids(3)).ok());
  EXPECT_FALSE(session->SetLevel("full").ok());
  EXPECT_EQ(session->level(), 1U);
  EXPECT_EQ(session->position(), 3U);
}

TEST(Session, TooManyTokensChangeNothing) {
  auto session = Open(Load(SmallContents()), "1.0", 10);
  EXPECT_EQ(session->context(), 10U);
  ASSERT_TRUE(session->Append(Ids(4)).ok());
  const auto before = Copy(session->logits());
  const Status status = session->Append(Ids(7));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("7 tokens behind 4"));
  EXPECT_THAT(status.message(), HasSubstr("context of 10"));
  EXPECT_EQ(session->position(), 4U);
  EXPECT_EQ(Copy(session->logits()), before);
  EXPECT_TRUE(session->Append(Ids(6)).ok());
  EXPECT_FALSE(session->Append(Ids(1)).ok());
}

TEST(Session, ForeignIdsChangeNothing) {
  const auto model = Load(SmallContents());
  auto session = Open(model, "1.0");
  const uint32_t vocab = model->config().vocab;
  const Status status = session->Append({{1, vocab - 1, vocab}});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr(StrCat("token id ", vocab, " at index 2")));
  EXPECT_EQ(session->position(), 0U);
  EXPECT_TRUE(session->Append({{1, vocab - 1}}).ok());
}

TEST(Session, ContextBeyondTheModelsIsRefused) {
  const auto created = Session::Create(Load(SmallContents()), {.level = "1.0", .context = 81});
  EXPECT_EQ(created.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(created.status().message(), HasSubstr("81"));
  EXPECT_THAT(created.status().message(), HasSubstr("80"));
}

TEST(Session, SeveralSessionsShareAModel) {
  const auto model = Load(SmallContents());
  auto one = Open(model, "0.3");
  auto other = Open(model, "1.0");
  ASSERT_TRUE(one->Append(Ids(8)).ok());
  const auto alone = Copy(one->logits());
  ASSERT_TRUE(other->Append(Ids(8)).ok());
  EXPECT_EQ(Copy(one->logits()), alone);
  EXPECT_GT(LargestDifference(other->logits(), one->logits()), 0.01);
}

}  // namespace
}  // namespace elm
