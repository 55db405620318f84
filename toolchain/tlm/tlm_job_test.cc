// The steps of a tiny LM on a model with random weights: what they leave behind, and that they go
// on where they were stopped.
#include "toolchain/tlm/tlm_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "datasets/task_file.h"
#include "formats/model/latency_json.h"
#include "toolchain/base/error.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/tlm/testing/plain_inputs.h"
#include "toolchain/tlm/tlm_tasks.h"

namespace elm {
namespace {

namespace fs = std::filesystem;

class TlmJobTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SetTorchThreads(1);
    folder_ = ::testing::TempDir() + "tlm_job_test";
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    ModelConfig config = TinyConfig();
    config.vocab = 256;
    config.context = 4096;
    subject_.emplace(TlmSubject{.model = RandomLlama(config, 5),
                                .levels = FullLevelOnly(config),
                                .adapters = {std::nullopt},
                                .reading = ByteReading(),
                                .rules = {{ByteReading().piece, {}}, config.context},
                                .key = "random"});
    options_ = MomentaryTlmOptions(folder_ + "/latency.json");
  }
  void TearDown() override { fs::remove_all(folder_); }

  TlmJob Job() { return {*subject_, options_, folder_ + "/job", {}}; }

  std::string folder_;
  std::optional<TlmSubject> subject_;
  TlmOptions options_;
};

TEST_F(TlmJobTest, AllStepsMakeATinyLmThatIsReadBack) {
  TlmJob job = Job();
  const StoredTlm scorer = job.Score();
  const LabelCube train = *job.Label(scorer, "train");
  const LabelCube validation = *job.Label(scorer, "validation");
  EXPECT_EQ(train.items.size(), 6U);
  EXPECT_EQ(validation.items.size(), 4U);
  EXPECT_EQ(train.pairs(), 10U);
  const TlmJob::Decision decision = job.Decide(scorer, train, validation);
  EXPECT_TRUE(Validate(decision.tlm.settings).ok());
  EXPECT_EQ(decision.reference, OneLevelLatency());
  EXPECT_TRUE(decision.report["policies"].contains("best fixed"));
  const StoredTlm stored = LoadTlm(job.FinishedFolder());
  EXPECT_EQ(stored.settings, decision.tlm.settings);
  for (size_t i = 0; i < stored.model.tensors().size(); ++i) {
    EXPECT_TRUE(stored.model.tensors()[i].equal(decision.tlm.model.tensors()[i])) << i;
  }
}

TEST_F(TlmJobTest, WhatIsDoneIsNotDoneAgain) {
  const std::string before = TlmKey(Job().Score().settings, Job().Score().model);
  options_.masked.training.updates = 2;
  const auto written = fs::last_write_time(folder_ + "/job/score/tlm.json");
  EXPECT_EQ(TlmKey(Job().Score().settings, Job().Score().model), before);
  EXPECT_EQ(fs::last_write_time(folder_ + "/job/score/tlm.json"), written);
  options_.score.training.updates = 5;  // another recipe
  EXPECT_NE(TlmKey(Job().Score().settings, Job().Score().model), before);
}

// Stopped between two phases and within one, the score-head is what it would have been.
TEST_F(TlmJobTest, AnInterruptedTrainingGoesOn) {
  options_.evidence.training.updates = 1000;  // 300 of short contexts, then 700
  options_.evidence.batch_tokens = 64;
  options_.score.training.updates = 100;
  TlmJob whole(*subject_, options_, folder_ + "/whole", {});
  const std::string expected = TlmKey(whole.Score().settings, whole.Score().model);
  EXPECT_FALSE(fs::exists(folder_ + "/whole/training.safetensors"));

  // Reports come every 50 updates, records every 500 and at a phase's end: each sitting stops at
  // the first report behind a new record.
  std::vector<std::string> stops;
  for (;;) {
    ASSERT_LE(stops.size(), 4U);
    const std::string path = folder_ + "/parts/training.safetensors";
    const auto time = [&] {
      return fs::exists(path) ? fs::last_write_time(path) : fs::file_time_type();
    };
    const fs::file_time_type before = time();
    TlmHooks hooks;
    hooks.report = [&](const char* what, uint64_t done, uint64_t total, const std::string&) {
      if (std::string(what) == "saliency" || done == total || time() == before) return;
      stops.push_back(StrCat(what, " ", done));
      throw Error(Status(StatusCode::kCancelled, "stopped"));
    };
    TlmJob part(*subject_, options_, folder_ + "/parts", hooks);
    try {
      const StoredTlm scorer = part.Score();
      EXPECT_EQ(TlmKey(scorer.settings, scorer.model), expected);
      break;
    } catch (const Error&) {
    }
  }
  EXPECT_THAT(stops,
              ::testing::ElementsAre("answer evidence, short contexts 50", "answer evidence 50",
                                     "answer evidence 500", "score-head 50"));
}

TEST_F(TlmJobTest, ShardsTogetherAreTheWhole) {
  const StoredTlm scorer = Job().Score();
  const LabelCube whole = *Job().Label(scorer, "train");
  fs::remove(folder_ + "/job/labels-train.h5");
  EXPECT_FALSE(Job().Label(scorer, "train", 1, 2));
  const std::optional<LabelCube> merged = Job().Label(scorer, "train", 0, 2);
  ASSERT_TRUE(merged);
  EXPECT_EQ(merged->items, whole.items);
  EXPECT_EQ(merged->right, whole.right);
  EXPECT_EQ(merged->kept_tokens, whole.kept_tokens);
  EXPECT_THROW(Job().Label(scorer, "train", 2, 2), Error);
}

TEST_F(TlmJobTest, AnInterruptedLabellingGoesOn) {
  const StoredTlm scorer = Job().Score();
  const LabelCube whole = *Job().Label(scorer, "train");
  // As if it had been stopped behind two questions.
  LabelCube part = whole.Item(0);
  part.Append(whole.Item(1));
  ThrowIfError(SaveLabelCube(folder_ + "/job/labels-train.h5", part));
  const LabelCube resumed = *Job().Label(scorer, "train");
  EXPECT_EQ(resumed.items, whole.items);
  EXPECT_EQ(resumed.right, whole.right);
  EXPECT_EQ(resumed.kept_tokens, whole.kept_tokens);
  // Other questions share a batch: equal up to float rounding.
  EXPECT_THAT(resumed.share, ::testing::Pointwise(::testing::FloatNear(1e-4F), whole.share));
}

TEST_F(TlmJobTest, FilesAreSplitOnceAndForAll) {
  const std::string path = folder_ + "/tasks.jsonl";
  EXPECT_THROW(TlmTasks(path, "train", 10, 1), Error);  // not there
  TaskFileWriter writer = ValueOrThrow(TaskFileWriter::Create(path));
  for (const Task& task : TlmTasks("pocket:fact", "train", 40, 1)) ThrowIfError(writer.Add(task));
  ThrowIfError(writer.Commit());
  std::set<std::string> ids;
  size_t tasks = 0;
  for (const char* split : {"train", "validation", "test"}) {
    const std::vector<Task> some = TlmTasks(path, split, 100, 1);
    EXPECT_FALSE(some.empty()) << split;
    EXPECT_LE(some.size(), 32U) << split;
    tasks += some.size();
    for (const Task& task : some) ids.insert(task.id);
  }
  EXPECT_EQ(tasks, 40U);
  EXPECT_EQ(ids.size(), 40U);
  EXPECT_EQ(TlmTasks(path, "train", 3, 1).size(), 3U);
}

}  // namespace
}  // namespace elm
