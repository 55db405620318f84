#include "toolchain/eval/latency.h"

#include <chrono>
#include <utility>

#include "formats/model/level_table.h"
#include "runtime/bench/machine_probe.h"
#include "runtime/bench/work.h"
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

// One thing that is timed in every round.
struct Contestant {
  size_t place;  // in the list of levels
  std::string level;
  bool adapter;
};

class LatencyRun {
 public:
  LatencyRun(std::shared_ptr<const Model> model, std::span<const size_t> levels,
             const LatencyOptions& options, const LatencyProgress& progress, size_t probe_bytes)
      : model_(std::move(model)),
        options_(options),
        progress_(progress),
        prompt_(SomeTokens(options.prompt_tokens, model_->config().vocab)),
        kernels_(*ValueOrThrow(ChooseKernels())),
        type_(SummariseWeights(model_->bundle().view()).main_type),
        probe_(ValueOrThrow(MachineProbe::Create(kernels_, type_, /*threads=*/1, probe_bytes))),
        with_(levels.size()),
        without_(levels.size()) {
    for (size_t i = 0; i < levels.size(); ++i) {
      const std::string name = LevelName(model_->levels().levels.at(levels[i]).name_permille);
      contestants_.push_back({i, name, true});
      if (model_->bundle().FindAdapter(levels[i]) == nullptr) continue;
      contestants_.push_back({i, name, false});
      without_[i].emplace();
    }
  }

  LatencyResult Run() {
    LatencyResult result;
    result.machine.operation = OperationName(kernels_, type_);
    for (uint32_t round = 0; round <= options_.repeats; ++round) {
      const ProbeSample rates = probe_.Measure();
      if (round > 0) {
        result.machine.read_bytes_per_second.push_back(rates.read_bytes_per_second);
        result.machine.operations_per_second.push_back(rates.operations_per_second);
      }
      Round(round);
    }
    for (size_t i = 0; i < with_.size(); ++i) {
      result.levels.push_back(MakeLatency(std::move(with_[i]), std::move(without_[i])));
    }
    return result;
  }

 private:
  std::unique_ptr<Session> NewSession(bool adapters) const {
    return ValueOrThrow(
        Session::Create(model_, {.context = options_.prompt_tokens + options_.output_tokens,
                                 .adapters = adapters,
                                 .threads = 1}));
  }

  // Every other round goes the other way round, so that whoever comes first does not always.
  void Round(uint32_t round) {
    const auto with = NewSession(true);
    const auto without = NewSession(false);
    for (size_t i = 0; i < contestants_.size(); ++i) {
      const Contestant& contestant = contestants_[round % 2 == 0 ? i : contestants_.size() - 1 - i];
      Session& session = contestant.adapter ? *with : *without;
      ThrowIfError(session.SetLevel(contestant.level));
      const auto [ttft, tpot] = TimeOnce(session);
      if (progress_) progress_(++done_, (options_.repeats + 1) * contestants_.size());
      if (round == 0) continue;  // warms up
      RequestTimes& times =
          contestant.adapter ? with_[contestant.place] : *without_[contestant.place];
      times.ttft_ms.push_back(ttft);
      times.tpot_ms.push_back(tpot);
    }
  }

  // One request from an empty cache to its last token: TTFT and TPOT in milliseconds. Its first
  // tokens are computed once before, so that the level's weights have been touched.
  std::pair<double, double> TimeOnce(Session& session) const {
    const std::span<const uint32_t> prompt = prompt_;
    session.Reset();
    ThrowIfError(session.Append(prompt.first(1)));
    session.Reset();
    auto start = Clock::now();
    ThrowIfError(session.Append(prompt));
    const double ttft = MillisecondsSince(start);
    start = Clock::now();
    for (uint32_t i = 0; i < options_.output_tokens; ++i) {
      ThrowIfError(session.Append(prompt.subspan(i, 1)));
    }
    return {ttft, MillisecondsSince(start) / options_.output_tokens};
  }

  const std::shared_ptr<const Model> model_;
  const LatencyOptions& options_;
  const LatencyProgress& progress_;
  const std::vector<uint32_t> prompt_;
  const KernelTable& kernels_;
  const WeightType type_;
  MachineProbe probe_;
  std::vector<Contestant> contestants_;
  std::vector<RequestTimes> with_;                    // [levels]
  std::vector<std::optional<RequestTimes>> without_;  // [levels]
  size_t done_ = 0;
};

}  // namespace

LevelLatency MakeLatency(RequestTimes rounds, std::optional<RequestTimes> without_adapter) {
  LevelLatency latency{MedianOf(rounds.ttft_ms), MedianOf(rounds.tpot_ms), {}, {}};
  latency.rounds = std::move(rounds);
  latency.without_adapter = std::move(without_adapter);
  return latency;
}

AdapterOverhead OverheadOf(const LevelLatency& latency) {
  const RequestTimes& without = latency.without_adapter.value();
  return {MedianRatio(RatiosOf(latency.rounds.ttft_ms, without.ttft_ms)),
          MedianRatio(RatiosOf(latency.rounds.tpot_ms, without.tpot_ms))};
}

LatencyResult MeasureLatency(std::shared_ptr<const Model> model, std::span<const size_t> levels,
                             const LatencyOptions& options, const LatencyProgress& progress,
                             size_t probe_bytes) {
  CheckOptions(options, model->config().context);
  return LatencyRun(std::move(model), levels, options, progress, probe_bytes).Run();
}

}  // namespace elm
