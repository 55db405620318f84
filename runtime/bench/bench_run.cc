#include "runtime/bench/bench_run.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <utility>

#include "runtime/bench/work.h"
#include "runtime/tlm/tlm_encoder.h"

namespace elm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kSeed = 20240;  // the same prompt every time
// Enough tokens to touch all weights and to wake the threads.
constexpr uint32_t kWarmUpTokens = 8;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<uint32_t> RandomIds(uint32_t count, uint32_t vocab) {
  std::mt19937_64 engine(kSeed);
  std::vector<uint32_t> ids(count);
  for (uint32_t& id : ids) id = static_cast<uint32_t>(engine() % vocab);
  return ids;
}

uint32_t Highest(std::span<const float> logits) {
  return static_cast<uint32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

class BenchRun {
 public:
  // `encoder` is null where no test is the tiny LM's.
  BenchRun(Session& session, TlmEncoder* encoder, MachineProbe& probe, const BenchPlan& plan,
           const BenchHooks& hooks)
      : session_(session), encoder_(encoder), probe_(probe), plan_(plan), hooks_(hooks) {
    uint32_t most = 1;
    for (const BenchTest& test : plan.tests) most = std::max(most, test.tokens);
    if (encoder != nullptr) {
      window_ = RandomIds(most, session.model().bundle().view().tlm->settings.config.vocab);
      token_types_.assign(most, 1);
    }
    ids_ = RandomIds(most, session.model().config().vocab);
    const uint32_t bos = session.model().bundle().view().generation.bos_id;
    first_id_ = bos == layout::kNoToken ? ids_.front() : bos;
    result_.plan = plan;
    for (const BenchTest& test : plan.tests) {
      if (test.is_tlm()) {
        result_.rows.push_back({test, plan.levels.front(), false, {}});
        continue;
      }
      for (const size_t level : plan.levels) AddRows(test, level);
    }
  }

  Result<BenchResult> Run() {
    ELM_RETURN_IF_ERROR(WarmUp());
    while (result_.repeats < plan_.repeats && !hooks_.cancelled()) {
      const auto samples = Repeat();
      if (!samples.ok()) return samples.status();
      if (hooks_.cancelled()) break;
      for (size_t i = 0; i < samples->size(); ++i) {
        result_.rows[i].samples.push_back((*samples)[i]);
      }
      ++result_.repeats;
    }
    return std::move(result_);
  }

 private:
  void AddRows(const BenchTest& test, size_t level) {
    const bool adapter = AdapterOf(session_.model().bundle().view(), level) != nullptr;
    if (!adapter || plan_.adapters != AdapterUse::kOn) {
      result_.rows.push_back({test, level, false, {}});
    }
    if (adapter && plan_.adapters != AdapterUse::kOff) {
      result_.rows.push_back({test, level, true, {}});
    }
  }

  Status WarmUp() {
    for (const BenchRow& row : result_.rows) {
      if (hooks_.cancelled()) break;
      Announce(row, "warm-up");
      BenchTest test = row.test;
      test.tokens = std::min(test.tokens, kWarmUpTokens);
      ELM_RETURN_IF_ERROR(Measure(test, row).status());
    }
    return Status::Ok();
  }

  // One sample for every row.
  Result<std::vector<BenchSample>> Repeat() {
    const std::string name = StrCat("repeat ", result_.repeats + 1, "/", plan_.repeats);
    std::vector<BenchSample> samples(result_.rows.size());
    ProbeSample probe;
    const BenchTest* test = nullptr;
    for (const size_t index : OrderOfRepeat()) {
      const BenchRow& row = result_.rows[index];
      if (hooks_.cancelled()) break;
      Announce(row, name);
      // The levels of a test share a probe.
      if (test == nullptr || *test != row.test) probe = probe_.Measure();
      test = &row.test;
      ELM_ASSIGN_OR_RETURN(const double seconds, Measure(row.test, row));
      samples[index] = {seconds, probe};
    }
    return samples;
  }

  // Row by row; in every other repeat a level's two rows change places, so that a machine that
  // slows down or speeds up favours neither.
  std::vector<size_t> OrderOfRepeat() const {
    std::vector<size_t> order(result_.rows.size());
    std::iota(order.begin(), order.end(), size_t{0});
    if (plan_.adapters != AdapterUse::kBoth || result_.repeats % 2 == 0) return order;
    for (size_t i = 1; i < order.size(); ++i) {
      if (result_.rows[i].adapter) std::swap(order[i - 1], order[i]);
    }
    return order;
  }

  // Seconds, at a row's level whose weights have just been touched, from an empty context.
  Result<double> Measure(const BenchTest& test, const BenchRow& row) {
    if (test.is_tlm()) return MeasureTlm(test);
    const Level& level = session_.model().levels().levels[row.level];
    ELM_RETURN_IF_ERROR(session_.SetLevel(LevelName(level.name_permille)));
    session_.UseAdapters(row.adapter);
    ELM_RETURN_IF_ERROR(session_.Append({&first_id_, 1}));
    session_.Reset();
    return test.kind == BenchTest::Kind::kPrefill ? MeasurePrefill(test.tokens)
                                                  : MeasureDecode(test.tokens);
  }

  // One window; the heads behind the branches are left out: they are a few rows.
  double MeasureTlm(const BenchTest& test) {
    const auto start = Clock::now();
    encoder_->RunShared(std::span(window_).first(test.tokens),
                        std::span(token_types_).first(test.tokens));
    if (test.kind != BenchTest::Kind::kTlmDecision) encoder_->RunBranch(TlmBranch::kScore);
    if (test.kind != BenchTest::Kind::kTlmScore) {
      encoder_->RunBranch(TlmBranch::kDecision, /*first_only=*/true);
    }
    return SecondsSince(start);
  }

  Result<double> MeasurePrefill(uint32_t tokens) {
    const auto start = Clock::now();
    ELM_RETURN_IF_ERROR(session_.Append(std::span(ids_).first(tokens)));
    return SecondsSince(start);
  }

  // Choosing the next token is not counted: llama-bench takes any.
  Result<double> MeasureDecode(uint32_t tokens) {
    double seconds = 0;
    uint32_t id = first_id_;
    for (uint32_t i = 0; i < tokens && !hooks_.cancelled(); ++i) {
      const auto start = Clock::now();
      ELM_RETURN_IF_ERROR(session_.Append({&id, 1}));
      seconds += SecondsSince(start);
      id = Highest(session_.logits());
    }
    return seconds;
  }

  void Announce(const BenchRow& row, const std::string& what) {
    const Level& level = session_.model().levels().levels[row.level];
    const auto all = static_cast<double>((plan_.repeats + 1) * result_.rows.size());
    const bool both = plan_.adapters == AdapterUse::kBoth;
    const std::string where =
        row.test.is_tlm() ? "" : StrCat(", level ", LevelName(level.name_permille));
    hooks_.progress(
        StrCat(what, ", ", row.test.name(), where, both && row.adapter ? " with its adapter" : ""),
        static_cast<double>(++announced_) / (all + 1));
  }

  Session& session_;
  TlmEncoder* encoder_;
  MachineProbe& probe_;
  const BenchPlan& plan_;
  const BenchHooks& hooks_;
  std::vector<uint32_t> ids_;
  std::vector<uint32_t> window_;       // of the tiny LM
  std::vector<uint32_t> token_types_;  // the same size
  uint32_t first_id_ = 0;
  size_t announced_ = 0;
  BenchResult result_;
};

}  // namespace

const char* AdapterUseName(AdapterUse use) {
  switch (use) {
    case AdapterUse::kOn:
      return "on";
    case AdapterUse::kOff:
      return "off";
    case AdapterUse::kBoth:
      break;
  }
  return "both";
}

std::string BenchTest::name() const {
  switch (kind) {
    case Kind::kPrefill:
      return StrCat("pp", tokens);
    case Kind::kDecode:
      return StrCat("tg", tokens);
    case Kind::kTlm:
      return StrCat("tlm", tokens);
    case Kind::kTlmScore:
      return StrCat("tlm", tokens, "-score");
    case Kind::kTlmDecision:
      break;
  }
  return StrCat("tlm", tokens, "-decision");
}

Result<BenchResult> RunBench(std::shared_ptr<const Model> model, const KernelTable& kernels,
                             const BenchPlan& plan, const BenchHooks& hooks) {
  const BundleView& view = model->bundle().view();
  const auto has_adapter = [&](size_t level) { return AdapterOf(view, level) != nullptr; };
  if (plan.adapters == AdapterUse::kBoth &&
      std::none_of(plan.levels.begin(), plan.levels.end(), has_adapter)) {
    return InvalidArgument("none of these levels has an adapter: both of its forms are the same");
  }
  const WeightType type = SummariseWeights(view).main_type;
  hooks.progress("making room for the probe", 0);
  ELM_ASSIGN_OR_RETURN(MachineProbe probe,
                       MachineProbe::Create(kernels, type, plan.threads, plan.probe_bytes));
  const Level& first = model->levels().levels[plan.levels.front()];
  ELM_ASSIGN_OR_RETURN(const auto session,
                       Session::Create(model, {.level = LevelName(first.name_permille),
                                               .context = plan.context,
                                               .kv = plan.kv,
                                               .threads = plan.threads}));
  std::unique_ptr<TlmEncoder> encoder;
  if (std::any_of(plan.tests.begin(), plan.tests.end(),
                  [](const BenchTest& test) { return test.is_tlm(); })) {
    if (!view.tlm) return InvalidArgument("the bundle has no tiny LM");
    ELM_ASSIGN_OR_RETURN(encoder, TlmEncoder::Create(*view.tlm, kernels, plan.threads));
  }
  return BenchRun(*session, encoder.get(), probe, plan, hooks).Run();
}

}  // namespace elm
