#include "toolchain/eval/latency.h"

#include <algorithm>
#include <chrono>

#include "formats/model/level_table.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

using Clock = std::chrono::steady_clock;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// Any ids will do: time does not depend on which they are.
std::vector<uint32_t> SomeTokens(uint32_t count, uint32_t vocab) {
  std::vector<uint32_t> ids(count);
  for (uint32_t i = 0; i < count; ++i) ids[i] = (7 * i + 3) % vocab;
  return ids;
}

// One request from an empty cache to its last token.
LevelLatency TimeOnce(Session& session, std::span<const uint32_t> prompt, uint32_t output_tokens) {
  session.Reset();
  LevelLatency latency;
  auto start = Clock::now();
  ThrowIfError(session.Append(prompt));
  latency.ttft_ms = MillisecondsSince(start);
  start = Clock::now();
  for (uint32_t i = 0; i < output_tokens; ++i) ThrowIfError(session.Append(prompt.subspan(i, 1)));
  latency.tpot_ms = MillisecondsSince(start) / output_tokens;
  return latency;
}

double Median(std::vector<double> values) {
  const size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(middle), values.end());
  return values[middle];
}

LevelLatency Medians(const std::vector<LevelLatency>& repeats) {
  std::vector<double> ttft;
  std::vector<double> tpot;
  for (const LevelLatency& repeat : repeats) {
    ttft.push_back(repeat.ttft_ms);
    tpot.push_back(repeat.tpot_ms);
  }
  return {Median(ttft), Median(tpot)};
}

void CheckOptions(const LatencyOptions& options, uint32_t context) {
  if (options.output_tokens == 0 || options.repeats == 0 ||
      options.output_tokens > options.prompt_tokens) {
    throw Error(InvalidArgument(
        "a latency needs at least one repeat, one output token and no "
        "fewer prompt tokens, not ",
        options.repeats, ", ", options.output_tokens, " and ", options.prompt_tokens));
  }
  if (options.prompt_tokens + options.output_tokens > context) {
    throw Error(InvalidArgument("a prompt of ", options.prompt_tokens, " and an output of ",
                                options.output_tokens, " tokens do not fit the model's context of ",
                                context));
  }
}

}  // namespace

std::vector<LevelLatency> MeasureLatency(std::shared_ptr<const Model> model,
                                         std::span<const size_t> levels,
                                         const LatencyOptions& options,
                                         const LatencyProgress& progress) {
  CheckOptions(options, model->config().context);
  const std::vector<uint32_t> prompt = SomeTokens(options.prompt_tokens, model->config().vocab);
  const auto session = ValueOrThrow(Session::Create(model, {.threads = 1}));
  std::vector<std::vector<LevelLatency>> repeats(levels.size());
  for (uint32_t repeat = 0; repeat <= options.repeats; ++repeat) {
    for (size_t i = 0; i < levels.size(); ++i) {
      const uint32_t name = model->levels().levels[levels[i]].name_permille;
      ThrowIfError(session->SetLevel(LevelName(name)));
      const LevelLatency latency = TimeOnce(*session, prompt, options.output_tokens);
      if (repeat > 0) repeats[i].push_back(latency);  // the first one warms up
      if (progress) progress(repeat * levels.size() + i + 1, (options.repeats + 1) * levels.size());
    }
  }
  std::vector<LevelLatency> medians;
  for (const std::vector<LevelLatency>& each : repeats) medians.push_back(Medians(each));
  return medians;
}

}  // namespace elm
