// Requests with an SLO to a bundle with a tiny LM (of random weights), as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/base/testing/child_process.h"
#include "formats/base/testing/temporary_directory.h"
#include "formats/elm/testing/tiny_bundle.h"
#include "formats/model/latency_json.h"
#include "runtime/engine/testing/tiny_model.h"

namespace elm {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using testing::ProgramResult;

constexpr const char* kContext = "the cat sat on the mat\nan ant ate the hen\nthe end of it all";

// So slow a device that nothing measured here exceeds it: a token of the full model takes 10 ms.
LatencyTable SlowTable() {
  LatencyTable table;
  table.name = "reference:slow";
  table.level_permille = {300, 600, 1000};
  table.ttft_tokens = {1, 100};
  table.ttft_ms = {{30, 300}, {60, 600}, {100, 1000}};
  table.tpot_context = {1, 100};
  table.tpot_ms = {{30, 40}, {60, 70}, {100, 110}};
  table.tlm_tokens = {1, 200};
  table.tlm_ms = {0.1, 20};
  table.margin = 0.05;
  return table;
}

BundleContents Contents() {
  BundleContents contents = testing::SmallContents();
  contents.config.context = 16384;  // room for a word of 10000 letters, each a token
  TlmContents tlm{.settings = testing::TinyTlmSettings(), .weights = WeightType::kQ8, .group = 32};
  tlm.settings.model_levels_permille = {300, 600, 1000};
  tlm.settings.config.model_levels = 3;
  tlm.settings.short_prompt_tokens = 0;
  contents.tlm = tlm;
  contents.reference_latency = SlowTable();
  AccuracyGrid accuracy;
  accuracy.prompt_levels_permille = {300, 600, 1000};
  accuracy.model_levels_permille = {300, 600, 1000};
  accuracy.items = 10;
  accuracy.accuracy = {0.1, 0.2, 0.3, 0.2, 0.4, 0.5, 0.3, 0.6, 0.9};
  accuracy.standard_error.assign(9, 0.1);
  contents.accuracy = accuracy;
  return contents;
}

Status Write(const std::string& path, const BundleContents& contents) {
  const auto tensors = [&](const TensorSpec& spec, std::span<float> values) {
    const std::vector<float> tensor = testing::SmallTensor(spec, contents.weights);
    std::copy(tensor.begin(), tensor.end(), values.begin());
    return Status::Ok();
  };
  return WriteBundle(path, contents, tensors, {}, LeastErrorQuantiser(), {}, testing::FillTinyTlm);
}

class SloTlmProgram : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new testing::TemporaryDirectory();
    const Status written = Write(Bundle(), Contents());
    ASSERT_TRUE(written.ok()) << written.message();
    std::ofstream(Path("context.txt")) << kContext;
  }
  static void TearDownTestSuite() { delete directory_; }

  static std::string Path(const std::string& name) { return directory_->Path(name); }
  static std::string Bundle() { return Path("tlm.elm"); }

  static ProgramResult Elm(std::vector<std::string> words) {
    words.insert(words.begin(), testing::ProgramPath("elm"));
    return testing::RunProgram(words);
  }
  static ProgramResult Ask(const std::string& command, const std::string& slo,
                           const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {command,
                                      Bundle(),
                                      "-t",
                                      "1",
                                      "--slo",
                                      slo,
                                      "-n",
                                      "4",
                                      "--ignore-stop",
                                      "--context",
                                      Path("context.txt"),
                                      "--question",
                                      "who?"};
    if (command == "explain") words.erase(words.begin() + 8);
    words.insert(words.end(), more.begin(), more.end());
    return Elm(words);
  }
  static json AskForJson(const std::string& command, const std::string& slo) {
    const ProgramResult result = Ask(command, slo, {"--json"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out, nullptr, false);
  }

 private:
  static inline testing::TemporaryDirectory* directory_ = nullptr;
};

TEST_F(SloTlmProgram, ReadsDecidesShortensAndAnswers) {
  const json answer = AskForJson("explain", "ttft=40%,tpot=90%");
  EXPECT_EQ(answer.at("latency_table").at("origin"), "the bundle's reference table");
  EXPECT_EQ(answer.at("latency_table").at("reference"), true);
  const json& decision = answer.at("decision");
  EXPECT_EQ(decision.at("tiny_lm"), "read");
  EXPECT_EQ(decision.at("source"), "grid");
  EXPECT_EQ(decision.at("feasible"), true);
  EXPECT_EQ(answer.at("outcome"), "met");
  EXPECT_GT(answer.at("measured").at("tiny_lm_ms"), 0);

  // The pair that was chosen is the most probable one of the feasible ones.
  double best = -1;
  double chosen = -1;
  for (const json& pair : answer.at("pairs")) {
    const double right = pair.at("right");
    if (pair.at("feasible")) best = std::max(best, right);
    if (pair.at("prompt_level") == decision.at("prompt_level") &&
        pair.at("model_level") == decision.at("model_level")) {
      chosen = right;
    }
  }
  EXPECT_EQ(chosen, best);

  // Kept words stand in the prompt in their order, dropped ones have no higher scores.
  const std::string prompt = answer.at("prompt").at("text");
  double least_kept = 2;
  double most_dropped = -1;
  size_t position = 0;
  for (const json& word : answer.at("words")) {
    const double score = word.at("score");
    if (word.at("kept")) {
      least_kept = std::min(least_kept, score);
      position = prompt.find(word.at("text").get<std::string>(), position);
      ASSERT_NE(position, std::string::npos);
    } else {
      most_dropped = std::max(most_dropped, score);
    }
  }
  EXPECT_GE(least_kept, most_dropped);
  EXPECT_THAT(prompt, HasSubstr("Q: who?\nA:"));
}

TEST_F(SloTlmProgram, RunGivesTheSameAnswerAsExplain) {
  const json run = AskForJson("run", "ttft=40%,tpot=90%");
  const json explained = AskForJson("explain", "ttft=40%,tpot=90%");
  EXPECT_EQ(run.at("prompt"), explained.at("prompt"));
  EXPECT_EQ(run.at("decision").at("model_level"), explained.at("decision").at("model_level"));
  EXPECT_EQ(run.at("outcome"), "met");
}

TEST_F(SloTlmProgram, EverySloOfTheTableIsMetOrSaidToBeInfeasible) {
  for (const char* ttft : {"20%", "50%", "100%"}) {
    for (const char* tpot : {"50%", "80%", "100%"}) {
      const json answer = AskForJson("run", StrCat("ttft=", ttft, ",tpot=", tpot));
      EXPECT_THAT(answer.at("outcome").get<std::string>(), AnyOf("met", "slo_infeasible"));
      EXPECT_EQ(answer.at("outcome") == "met", answer.at("decision").at("feasible"));
    }
  }
  EXPECT_EQ(AskForJson("run", "ttft=100%,tpot=100%").at("decision").at("tiny_lm"), "not_needed");
}

TEST_F(SloTlmProgram, DroppedWordsAreMarked) {
  const ProgramResult result = Ask("explain", "ttft=250ms");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("[-"));
  EXPECT_THAT(result.out, HasSubstr("-]"));
  EXPECT_THAT(result.out, HasSubstr("not measured here"));
  EXPECT_THAT(Ask("explain", "ttft=250ms", {"--colour", "always"}).out, HasSubstr("\x1b[2;9;31m"));
}

TEST_F(SloTlmProgram, CalibrationTimesTheTinyLmToo) {
  const std::string path = Path("device.json");
  const ProgramResult result =
      Elm({"calibrate", Bundle(), "-o", path, "--seconds", "1", "-t", "1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("tiny LM"));
  const auto table = ReadLatencyFile(path);
  ASSERT_TRUE(table.ok()) << table.status().message();
  EXPECT_GE(table->tlm_tokens.size(), 2U);
  EXPECT_GT(table->selection_ms_per_kilotoken, 0);
  EXPECT_EQ(Ask("run", "ttft=60%,tpot=90%", {"--latency", path}).exit_code, 0);
}

TEST_F(SloTlmProgram, OddContexts) {
  for (const std::string& text :
       {std::string(), std::string(10000, 'w'), std::string("\U0001f600 \U0001f3fd\u200d ok"),
        std::string("\u05e9\u05dc\u05d5\u05dd \u0627\u0644\u0639\u0627\u0644\u0645")}) {
    std::ofstream(Path("odd.txt"), std::ios::binary) << text;
    const ProgramResult result =
        Elm({"run", Bundle(), "-t", "1", "--slo", "ttft=60%,tpot=90%", "--context", Path("odd.txt"),
             "--question", "who?", "-n", "2", "--json"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(json::parse(result.out).at("prompt").at("text").get<std::string>(),
                HasSubstr("Q: who?\nA:"));
  }
}

}  // namespace
}  // namespace elm
