#include "toolchain/trace/play_device.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/engine/testing/reciting_model.h"
#include "runtime/orchestrator/testing/fakes.h"
#include "toolchain/base/error.h"
#include "toolchain/trace/trace_summary.h"

namespace elm {
namespace {

// A model that answers "a" whatever it is asked, on the real clock; its tiny LM is told what to
// say.
class PlayDeviceTest : public ::testing::Test {
 protected:
  PlayDeviceTest() {
    const auto byte = [](char c) { return testing::kFirstBytePiece + static_cast<uint8_t>(c); };
    const testing::Script script = {{byte(':'), testing::kSpacePiece},
                                    {testing::kSpacePiece, testing::TinyId("a")},
                                    {testing::TinyId("a"), 2}};
    session_ = ValueOrThrow(testing::OpenRecitingSession(testing::RecitingContents(256), script));
    llm_ = ValueOrThrow(MakeSessionLlm(*session_));
    reader_.answer.right.assign(10, 0.5F);
    config_.grid = {reader_.settings().prompt_levels_permille, {1000}};
    config_.table = testing::LinearTable();
    config_.table.level_permille = {1000};
    config_.table.ttft_ms = {{1e3, 1e6}};  // whatever this machine is: far within
    config_.table.tpot_ms = {{1e3, 1e6}};
    config_.table.margin = 0;
    config_.follow_drift = false;
    AddApp("Relaxed", 1);
    AddApp("Strict", 0.8);
    AddApp("Impossible", 1e-9);
    AddTask("choice", {"b", "a"}, "a");
    AddTask("wrong", {"b", "a"}, "b");
    AddTask("exact", {}, "a");
  }

  void AddApp(const std::string& name, double share) {
    const SloBound bound{share, SloBound::Unit::kShare};
    trace_.apps.push_back({name, {bound, bound}, "", {}});
  }

  void AddTask(const std::string& id, std::vector<std::string> options, const std::string& answer) {
    Task task;
    task.id = id;
    task.task = "notes";
    task.context = {"one two three four Five six seven eight nine ten"};
    task.question = "which";
    task.options = std::move(options);
    task.answer = answer;
    trace_.tasks.push_back(task);
  }

  void Ask(const std::string& app, size_t task, double arrival_s) {
    for (size_t i = 0; i < trace_.apps.size(); ++i) {
      if (trace_.apps[i].name == app) trace_.requests.push_back({arrival_s, i, task});
    }
  }

  DeviceResults Play(DeviceResults results = {}) {
    Orchestrator orchestrator(config_, *llm_, &reader_);
    const Tokenizer& tokenizer = *ValueOrThrow(session_->model().tokenizer());
    const DeviceInputs inputs = {
        .traces = {&trace_, 1},
        .orchestrator = orchestrator,
        .session = *session_,
        .encode = [&](std::string_view text) { return tokenizer.Encode(text); },
        .bos = 1,
        .rules = {.decoder = {.piece = [&](uint32_t id) { return tokenizer.Piece(id); },
                              .stop_ids = {2}},
                  .context = session_->context()},
        .output_tokens = 4};
    DeviceHooks hooks;
    hooks.measured = [&] { ++served_; };
    PlayOnClock(inputs, hooks, results);
    return results;
  }

  std::unique_ptr<Session> session_;
  std::unique_ptr<Llm> llm_;
  testing::ManualClock clock_;
  testing::FakeReader reader_{clock_};
  OrchestratorConfig config_;
  Trace trace_;
  size_t served_ = 0;
};

TEST_F(PlayDeviceTest, MeasuresAndScoresFromTheSameState) {
  Ask("Strict", 0, 0);
  Ask("Strict", 1, 0);
  Ask("Relaxed", 2, 0);
  const std::vector<DeviceRequest> requests = Play().traces.at(0).requests;
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_TRUE(requests[0].correct);
  EXPECT_FALSE(requests[1].correct) << "the model says \"a\"";
  EXPECT_TRUE(requests[2].correct) << "what it wrote";
  for (const DeviceRequest& request : requests) {
    EXPECT_TRUE(request.feasible);
    EXPECT_TRUE(request.met);
    EXPECT_GT(request.ttft_ms, 0);
    EXPECT_GT(request.tpot_ms, 0);
    EXPECT_GT(request.predicted_ttft_ms, 0);
    EXPECT_DOUBLE_EQ(request.ttft_ms, request.tlm_ms + request.selection_ms + request.switch_ms +
                                          request.prefill_ms);
  }
  EXPECT_LT(requests[0].tokens, requests[0].full_tokens) << "80 % leave no room for all";
  EXPECT_EQ(requests[0].decided_by, "grid");
  EXPECT_EQ(requests[2].tokens, requests[2].full_tokens);
  EXPECT_EQ(requests[2].tlm_ms, 0) << "100 % ask for nothing";
}

TEST_F(PlayDeviceTest, AnInfeasibleSloIsNotMet) {
  Ask("Impossible", 0, 0);
  Ask("Relaxed", 0, 0);
  const DeviceResults results = Play();
  EXPECT_FALSE(results.traces[0].requests[0].feasible);
  EXPECT_FALSE(results.traces[0].requests[0].met);
  const DeviceSummary summary = Summarise(results).front();
  EXPECT_EQ(summary.attainment.feasible, 1U);
  EXPECT_DOUBLE_EQ(summary.attainment.share(), 1);
  EXPECT_DOUBLE_EQ(summary.attainment.of_all(), 0.5);
}

TEST_F(PlayDeviceTest, GoesOnBehindWhatWasPlayed) {
  for (int i = 0; i < 4; ++i) Ask("Relaxed", 0, i);
  DeviceResults first = Play();
  EXPECT_EQ(served_, 4U);
  first.traces[0].requests.pop_back();
  served_ = 0;
  const DeviceResults second = Play(first);
  EXPECT_EQ(served_, 1U);
  ASSERT_EQ(second.traces[0].requests.size(), 4U);
  EXPECT_EQ(second.traces[0].requests[2], first.traces[0].requests[2]);
  EXPECT_EQ(second.traces[0].requests[3].arrival_s, 3);
}

TEST_F(PlayDeviceTest, RequestsThatComeTogetherWaitForEachOther) {
  Ask("Relaxed", 0, 0);
  Ask("Relaxed", 0, 0);
  Ask("Relaxed", 0, 1000);
  const std::vector<DeviceRequest> requests = Play().traces[0].requests;
  EXPECT_EQ(requests[0].wait_ms, 0);
  EXPECT_DOUBLE_EQ(requests[1].wait_ms, requests[0].ttft_ms + 3 * requests[0].tpot_ms);
  EXPECT_EQ(requests[2].wait_ms, 0);
}

}  // namespace
}  // namespace elm
