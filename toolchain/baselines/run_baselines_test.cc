// The bench from end to end on a small random model: every method, both tables, interrupted and
// gone on with.
#include "toolchain/baselines/run_baselines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/base/error.h"
#include "toolchain/baselines/testing/tiny_baseline.h"
#include "toolchain/model/testing/random_bundle.h"
#include "toolchain/training/epoch_examples.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RunBaselinesTest : public ::testing::Test {
 protected:
  RunBaselinesTest() : validation_(Examples()), examples_(Examples(), 3) {
    recover_.rank = 2;
    recover_.tokens = 150;
    recover_.batch_tokens = 64;
    recover_.dtype = "float32";
    recover_.threads = 1;
    texts_.push_back({"text", RandomWindows(config_, 3, 9, 5), "xxh3:5"});
    const MemoryCheckpoint checkpoint(config_, 1);
    WriteRandomBundle(checkpoint, RandomOrder(config_, true, 4), WeightType::kF32,
                      directory_.Path("model.elm"));
  }

  std::vector<TrainingExample> Examples() const {
    std::vector<TrainingExample> examples(tiny_.calibration.count());
    for (size_t i = 0; i < examples.size(); ++i) {
      const auto row = tiny_.calibration.row(i);
      examples[i].Add(row.front(), TokenRole::kIgnored);
      examples[i].Add(std::vector<uint32_t>(row.begin() + 1, row.end()), TokenRole::kDocument);
    }
    return examples;
  }

  BaselinesReport Bench(const std::vector<std::string>& methods, const BaselinesHooks& hooks = {}) {
    const RecoveryDiet diet{.teacher = tiny_.model,
                            .examples = examples_,
                            .validation = validation_,
                            .data_hash = "data",
                            .calibration_hash = "text"};
    const Questions questions{tasks_, texts_};
    BaselinesRun run{.model = tiny_.model,
                     .methods = ChooseMethods(methods),
                     .tables = {BaselineTable::kPublished, BaselineTable::kSameRecovery},
                     .names = names_,
                     .bundle = directory_.Path("model.elm"),
                     .siblings = {},
                     .checkpoint_sha256 = "",
                     .tokenizer_sha256 = "",
                     .calibration = tiny_.calibration,
                     .diet = diet,
                     .recover = recover_,
                     .questions = questions,
                     .rules = rules_,
                     .heading = {},
                     .workspace = directory_.Path("work"),
                     .json = directory_.Path("base.json")};
    run.heading.tool_version = "1";
    run.heading.model_form = "random weights";
    run.heading.model_hash = "xxh3:1";
    run.heading.conditions = {
        .engine = "libtorch", .arithmetic = "float32", .split = "test", .drop = "none"};
    run.heading.texts = DescribeTexts(texts_);
    return RunBaselines(run, hooks);
  }

  // What must not happen where everything is there already.
  static BaselinesHooks Idle() {
    BaselinesHooks hooks;
    hooks.progress = [](const std::string& label, uint64_t, uint64_t, const std::string&) {
      throw Error(Internal(label));
    };
    return hooks;
  }

  testing::TemporaryDirectory directory_;
  ModelConfig config_ = SixLayers();
  TinyBaseline tiny_;
  std::vector<TrainingExample> validation_;
  EpochExamples examples_;
  RecoverOptions recover_;
  std::vector<TextSet> texts_;
  TaskSet tasks_;
  AnswerRules rules_;
  std::vector<uint32_t> names_ = {500};
};

TEST_F(RunBaselinesTest, EveryMethodStandsInItsTablesWithEveryLevel) {
  const BaselinesReport report = Bench({"all"});
  std::vector<std::string> published;
  std::vector<std::string> recovered;
  for (const BaselineEntry& entry : report.entries) {
    (entry.table == BaselineTable::kPublished ? published : recovered).push_back(entry.method);
    ASSERT_EQ(entry.report.levels.size(), 2U) << entry.method;
    EXPECT_EQ(entry.report.levels[0].name_permille, 500U);
    EXPECT_EQ(entry.report.levels[1].name_permille, 1000U);
    EXPECT_NEAR(entry.report.levels[0].reached_share, 0.5, 0.05) << entry.method;
    EXPECT_NE(entry.report.levels[0].texts[0].losses, entry.report.levels[1].texts[0].losses);
    EXPECT_FALSE(entry.note.empty());
  }
  EXPECT_THAT(published,
              ElementsAre("elastic", "llm-pruner", "le", "shortgpt", "laco", "attndrop", "sparsity",
                          "sparsity-oracle", "flap", "wanda-sp", "magnitude", "random"));
  EXPECT_THAT(recovered, ElementsAre("elastic", "llm-pruner", "le", "shortgpt", "laco", "attndrop",
                                     "flap", "wanda-sp", "magnitude", "random"));
  const auto tokens = [&](const char* method, BaselineTable table) {
    return report.Find(method, table)->recovery_tokens;
  };
  EXPECT_EQ(tokens("llm-pruner", BaselineTable::kPublished), 150U);
  EXPECT_EQ(tokens("sparsity", BaselineTable::kPublished), 150U);
  EXPECT_EQ(tokens("flap", BaselineTable::kPublished), 0U);
  EXPECT_EQ(tokens("flap", BaselineTable::kSameRecovery), 150U);
}

TEST_F(RunBaselinesTest, WhatWasMeasuredIsNotMeasuredAgain) {
  const std::vector<std::string> methods = {"elastic", "flap", "laco", "sparsity"};
  const BaselinesReport report = Bench(methods);
  EXPECT_EQ(ReadBaselines(directory_.Path("base.json")), report);
  EXPECT_EQ(Bench(methods, Idle()), report);
  EXPECT_THROW(Bench({"le"}, Idle()), Error);
  recover_.tokens = 200;
  EXPECT_THROW(Bench({"flap"}, Idle()), Error) << "other adapters";
}

TEST_F(RunBaselinesTest, OtherMethodsAndLevelsAreAdded) {
  Bench({"laco"});
  names_ = {333, 667};
  const BaselinesReport report = Bench({"random"});
  ASSERT_EQ(report.entries.size(), 4U);
  EXPECT_EQ(report.entries[0].method, "laco");
  EXPECT_EQ(report.entries[1].method, "random");
  EXPECT_EQ(report.entries[2].method, "laco");
  EXPECT_EQ(report.entries[0].report.levels.size(), 2U);
  const BaselinesReport whole = Bench({"laco"});
  EXPECT_EQ(whole.entries[0].report.levels.size(), 4U);
  EXPECT_EQ(whole.entries[0].level_notes.size(), 3U) << "those of the first run, too";
}

TEST_F(RunBaselinesTest, AnInterruptedRunGoesOnToTheSameResult) {
  names_ = {333, 667};
  const std::vector<std::string> methods = {"magnitude", "sparsity"};
  const BaselinesReport whole = Bench(methods);
  std::filesystem::remove(directory_.Path("base.json"));
  std::filesystem::remove_all(directory_.Path("work"));
  int calls = 0;
  bool finished = false;
  for (int sitting = 1; sitting < 100 && !finished; ++sitting) {
    BaselinesHooks hooks;
    calls = 0;
    hooks.throw_if_cancelled = [&] {
      if (++calls > 8) throw Error(Status(StatusCode::kCancelled, "enough"));
    };
    hooks.progress = [&](const std::string&, uint64_t, uint64_t, const std::string&) {
      hooks.throw_if_cancelled();
    };
    try {
      EXPECT_EQ(Bench(methods, hooks), whole);
      finished = true;
      EXPECT_GT(sitting, 1);
    } catch (const Error& error) {
      EXPECT_EQ(error.status().code(), StatusCode::kCancelled) << error.what();
    }
  }
  EXPECT_TRUE(finished);
}

TEST_F(RunBaselinesTest, AnswersToOtherQuestionsAreReplaced) {
  Bench({"le"});
  texts_.front().hash = "xxh3:6";
  std::vector<std::string> said;
  BaselinesHooks hooks;
  hooks.say = [&](const std::string& text) { said.push_back(text); };
  const BaselinesReport report = Bench({"random"}, hooks);
  EXPECT_EQ(report.entries.size(), 2U);
  ASSERT_FALSE(said.empty());
  EXPECT_THAT(said.front(), HasSubstr("other questions and will be replaced"));
}

TEST_F(RunBaselinesTest, ABundleThatLacksALevelIsNamed) {
  names_ = {300};
  try {
    Bench({"elastic"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("model.elm: level \"0.3\" is not in the table"));
  }
}

TEST(ChooseMethods, NamesAreKnown) {
  EXPECT_THAT(ChooseMethods({"flap", "le", "flap"}), ElementsAre("le", "flap"));
  EXPECT_EQ(ChooseMethods({"all"}).size(), BaselineMethods().size() + 2);
  try {
    ChooseMethods({"shortgtp"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean shortgpt?"));
  }
}

}  // namespace
}  // namespace elm
