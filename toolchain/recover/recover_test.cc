#include "toolchain/recover/recover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/base/error.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/training/epoch_examples.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;

std::vector<TrainingExample> Examples(const ModelConfig& config, size_t count, uint64_t seed) {
  const TokenWindows windows = RandomWindows(config, count, 17, seed);
  std::vector<TrainingExample> examples(count);
  for (size_t i = 0; i < count; ++i) {
    const auto row = windows.row(i);
    examples[i].Add(row.front(), TokenRole::kIgnored);
    examples[i].Add(std::vector<uint32_t>(row.begin() + 1, row.end()), TokenRole::kDocument);
  }
  return examples;
}

class RecoverTest : public ::testing::Test {
 protected:
  RecoverTest()
      : model_(RandomLlama(TinyConfig(), 1)),
        examples_(Examples(TinyConfig(), 40, 2), 3),
        validation_(Examples(TinyConfig(), 4, 2)) {
    table_ = FullLevelOnly(TinyConfig());
    table_.levels.insert(table_.levels.begin(), {500, {{3, 1, 8}, {3, 1, 8}, {3, 1, 8}}});
    table_.levels.insert(table_.levels.begin(), {300, {{0, 0, 8}, {3, 1, 4}, {3, 1, 4}}});
    options_.rank = 2;
    options_.tokens = 1500;
    options_.batch_tokens = 64;
    options_.learning_rate = 2e-2;
    options_.dtype = "float32";
    options_.threads = 2;
  }

  RecoverInputs Inputs(const std::string& folder, std::vector<size_t> chosen) const {
    return {.model = model_,
            .levels = table_,
            .chosen = std::move(chosen),
            .examples = examples_,
            .validation = validation_,
            .model_base = "base",
            .data_hash = "data",
            .folder = folder};
  }

  torch::Tensor Trained(const std::string& folder, size_t index) const {
    const Level& level = table_.levels[index];
    const AdapterParameters parameters(model_.config(), level, options_.rank, options_.alpha);
    return LoadAdapter(folder, level, parameters, LevelBase("base", level));
  }

  std::string MessageOf(const RecoverInputs& inputs, const RecoverOptions& options) {
    try {
      Recover(inputs, options);
    } catch (const Error& error) {
      return error.status().message();
    }
    return "";
  }

  TemporaryDirectory directory_;
  Llama model_;
  LevelTable table_;
  EpochExamples examples_;
  std::vector<TrainingExample> validation_;
  RecoverOptions options_;
};

TEST_F(RecoverTest, AdaptersWinBackLoss) {
  const std::vector<AdapterRecord> records = Recover(Inputs(directory_.path(), {0, 1}), options_);
  ASSERT_EQ(records.size(), 2U);
  for (const AdapterRecord& record : records) {
    EXPECT_LT(record.loss_after, 0.97 * record.loss_before);
    EXPECT_GT(record.best_update, 0U);
    EXPECT_GE(record.tokens, options_.tokens);
  }
}

TEST_F(RecoverTest, LevelsTrainedApartAreThoseTrainedTogether) {
  const std::string together = directory_.path() + "/together";
  const std::string apart = directory_.path() + "/apart";
  Recover(Inputs(together, {0, 1}), options_);
  Recover(Inputs(apart, {1}), options_);
  Recover(Inputs(apart, {0}), options_);
  for (const size_t level : {0U, 1U}) {
    EXPECT_TRUE(torch::equal(Trained(together, level), Trained(apart, level))) << level;
  }
}

TEST_F(RecoverTest, AnInterruptedRunGoesOnExactly) {
  const std::string whole = directory_.path() + "/whole";
  const std::string broken = directory_.path() + "/broken";
  Recover(Inputs(whole, {0}), options_);
  RecoverHooks hooks;
  int calls = 0;
  hooks.throw_if_cancelled = [&] {
    if (++calls == 5) throw Error(Status(StatusCode::kCancelled, "enough"));
  };
  EXPECT_THROW(Recover(Inputs(broken, {0}), options_, hooks), Error);
  EXPECT_FALSE(std::filesystem::exists(AdapterPath(broken, table_.levels[0])));
  Recover(Inputs(broken, {0}), options_);
  EXPECT_TRUE(torch::equal(Trained(whole, 0), Trained(broken, 0)));
}

TEST_F(RecoverTest, DropoutIsTheSameForTheSameSeedAndAfterAnInterruption) {
  const std::string plain = directory_.path() + "/plain";
  const std::string whole = directory_.path() + "/whole";
  const std::string broken = directory_.path() + "/broken";
  Recover(Inputs(plain, {0}), options_);
  options_.dropout = 0.1;
  Recover(Inputs(whole, {0}), options_);
  EXPECT_FALSE(torch::equal(Trained(plain, 0), Trained(whole, 0)));
  RecoverHooks hooks;
  int calls = 0;
  hooks.throw_if_cancelled = [&] {
    if (++calls == 5) throw Error(Status(StatusCode::kCancelled, "enough"));
  };
  EXPECT_THROW(Recover(Inputs(broken, {0}), options_, hooks), Error);
  options_.checkpoint_layers = true;  // the layers that are computed again drop the same
  Recover(Inputs(broken, {0}), options_);
  EXPECT_LT(MaxDifference(Trained(whole, 0), Trained(broken, 0)), 1e-5);
  options_.dropout = 1;
  EXPECT_THAT(MessageOf(Inputs(plain, {0}), options_), HasSubstr("--recover-dropout is 1"));
}

// Distillation alone: a level that is its teacher has nothing to learn.
TEST_F(RecoverTest, ATeacherOfItsOwnIsWhatTheLevelsLearnFrom) {
  options_.recovery = Recovery::kDistill;
  table_ = FullLevelOnly(TinyConfig());
  const Llama other = RandomLlama(TinyConfig(), 8);
  Llama teacher = model_;
  teacher.layers = other.layers;
  const RecoverInputs itself = Inputs(directory_.path() + "/itself", {0});
  EXPECT_LT(Recover(itself, options_).front().loss_before, 1e-5);
  RecoverInputs inputs = Inputs(directory_.path() + "/other", {0});
  inputs.teacher = &teacher;
  const AdapterRecord record = Recover(inputs, options_).front();
  EXPECT_GT(record.loss_before, 0.1);
  EXPECT_LT(record.loss_after, record.loss_before);
}

TEST_F(RecoverTest, ABiasBelongsToItsLevel) {
  options_.recovery = Recovery::kNextToken;
  std::vector<std::vector<LayerBias>> biases(table_.levels.size());
  for (std::vector<LayerBias>& level : biases) level.resize(TinyConfig().layers);
  const std::vector<AdapterRecord> without = Recover(Inputs(directory_.path(), {0, 1}), options_);
  biases[0][0].attention = 3 * torch::ones({TinyConfig().width});
  RecoverInputs inputs = Inputs(directory_.path() + "/biased", {0, 1});
  inputs.biases = biases;
  const std::vector<AdapterRecord> with = Recover(inputs, options_);
  EXPECT_GT(std::abs(with[0].loss_before - without[0].loss_before), 1e-3);
  EXPECT_EQ(with[1].loss_before, without[1].loss_before);
}

TEST_F(RecoverTest, WhatIsThereIsNotTrainedAgain) {
  Recover(Inputs(directory_.path(), {0}), options_);
  RecoverHooks hooks;
  hooks.throw_if_cancelled = [] { throw Error(Internal("trains")); };
  EXPECT_NO_THROW(Recover(Inputs(directory_.path(), {0}), options_, hooks));
  RecoverOptions other = options_;
  other.tokens = 1600;
  EXPECT_THROW(Recover(Inputs(directory_.path(), {0}), other, hooks), Error);
}

TEST_F(RecoverTest, AnAdapterOfAnotherModelIsRefused) {
  Recover(Inputs(directory_.path(), {0}), options_);
  const Level& level = table_.levels[0];
  const AdapterParameters parameters(model_.config(), level, options_.rank, options_.alpha);
  EXPECT_THROW(LoadAdapter(directory_.path(), level, parameters, LevelBase("other", level)), Error);
}

TEST_F(RecoverTest, ARankLargerThanTheSliceIsNamed) {
  options_.rank = 5;
  const std::string message = MessageOf(Inputs(directory_.path(), {0}), options_);
  EXPECT_THAT(message, HasSubstr("level 0.3, layer 1"));
  EXPECT_THAT(message, HasSubstr("4 neurons"));
}

TEST_F(RecoverTest, ALossThatIsNotFiniteNamesLevelAndUpdate) {
  model_.layers[2].down[0][6] = std::numeric_limits<float>::quiet_NaN();  // level 0.5 keeps it
  options_.recovery = Recovery::kNextToken;
  const std::string message = MessageOf(Inputs(directory_.path(), {0, 1}), options_);
  EXPECT_THAT(message, HasSubstr("level 0.5, update 1"));
  EXPECT_THAT(message, HasSubstr("no longer finite"));
}

TEST_F(RecoverTest, DamagedStateIsNamed) {
  RecoverHooks hooks;
  int calls = 0;
  hooks.throw_if_cancelled = [&] {
    if (++calls == 3) throw Error(Status(StatusCode::kCancelled, "enough"));
  };
  EXPECT_THROW(Recover(Inputs(directory_.path(), {0}), options_, hooks), Error);
  const std::string state = directory_.path() + "/training_0.3.safetensors";
  ASSERT_TRUE(std::filesystem::exists(state));
  std::filesystem::resize_file(state, std::filesystem::file_size(state) / 2);
  EXPECT_THAT(MessageOf(Inputs(directory_.path(), {0}), options_), HasSubstr(state));
}

}  // namespace
}  // namespace elm
