// A clock, an LLM and a tiny LM that take exactly the time they are told to.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "formats/model/latency_table.h"
#include "runtime/orchestrator/llm.h"
#include "runtime/orchestrator/monotonic_clock.h"
#include "runtime/tlm/prompt_reader.h"
#include "runtime/tlm/testing/fake_counter.h"

namespace elm::testing {

class ManualClock : public MonotonicClock {
 public:
  double NowMs() const override { return now_ms_; }
  void Advance(double ms) { now_ms_ += ms; }

 private:
  double now_ms_ = 0;
};

// Linear: TTFT is level share * tokens ms, TPOT level share * (10 + tokens / 100) ms, the tiny LM
// takes a hundredth of a ms for each token.
inline LatencyTable LinearTable() {
  LatencyTable table;
  table.name = "reference:linear";
  table.level_permille = {200, 500, 1000};
  table.ttft_tokens = {1, 1000};
  table.tpot_context = {1, 1000};
  for (const uint32_t permille : table.level_permille) {
    const double share = permille / 1000.0;
    table.ttft_ms.push_back({share, share * 1000});
    table.tpot_ms.push_back({share * 10.01, share * 20});
  }
  table.tlm_tokens = {1, 1000};
  table.tlm_ms = {0.01, 10};
  table.margin = 0.05;
  return table;
}

// Answers after the times of a table, times a factor.
class TableLlm : public Llm {
 public:
  TableLlm(LatencyTable table, ManualClock& clock) : table_(std::move(table)), clock_(clock) {}

  const TokenCounter& counter() const override { return counter_; }
  size_t context() const override { return context_tokens; }
  Status SetLevel(uint32_t permille) override {
    level_permille = permille;
    clock_.Advance(switch_ms);
    return Status::Ok();
  }
  Result<GenerateResult> Generate(std::string_view text, const GenerateOptions& options,
                                  const TextSink&) override {
    prompt = text;
    const size_t level = table_.NearestLevel(level_permille);
    const auto tokens = static_cast<double>(counter_.Count(text));
    GenerateResult result;
    result.text = "yes";
    result.ids.assign(options.max_tokens, 7);
    result.ttft_ms = slowness * table_.Ttft(level, tokens);
    result.tpot_ms = slowness * table_.Tpot(level, tokens + options.max_tokens / 2.0);
    clock_.Advance(result.ttft_ms + result.tpot_ms * (options.max_tokens - 1.0));
    return result;
  }

  double slowness = 1;
  double switch_ms = 0;
  size_t context_tokens = 4096;
  uint32_t level_permille = 1000;
  std::string prompt;  // of the last call

 private:
  LatencyTable table_;
  ManualClock& clock_;
  PieceCounter counter_;
};

// One token a word. Says what it is told to, and that words with a capital letter matter.
class FakeReader : public PromptReader {
 public:
  explicit FakeReader(ManualClock& clock) : clock_(clock) {
    settings_.prompt_levels_permille = {100, 200, 300, 400, 500, 600, 700, 800, 900, 1000};
    settings_.model_levels_permille = {200, 500, 1000};
    answer.prompt_levels.assign(10, 0.1F);
    answer.model_levels.assign(3, 0.3F);
    answer.right.assign(30, 0.5F);
  }

  const TlmSettings& settings() const override { return settings_; }
  size_t CountTokens(const TlmQuestion& question) const override {
    return 4 +
           static_cast<size_t>(std::count(question.context.begin(), question.context.end(), ' '));
  }
  Result<TlmAnswer> Read(const TlmQuestion& question) override {
    ++reads;
    asked_ttft = question.ttft;
    asked_tpot = question.tpot;
    asked_question = question.question;
    TlmAnswer result = answer;
    result.tokens = CountTokens(question);
    result.windows = 1;
    for (uint32_t i = 0; i < question.context.size(); ++i) {
      const char c = question.context[i];
      if (!IsBlank(c)) result.pieces.push_back({{i, i + 1}, c >= 'A' && c <= 'Z' ? 0.9F : 0.1F});
    }
    clock_.Advance(token_ms * static_cast<double>(result.tokens));
    return result;
  }

  TlmAnswer answer;
  double token_ms = 0.01;
  int reads = 0;
  double asked_ttft = 0;
  double asked_tpot = 0;
  std::string asked_question;

 private:
  ManualClock& clock_;
  TlmSettings settings_;
};

}  // namespace elm::testing
