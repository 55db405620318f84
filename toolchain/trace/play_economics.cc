#include "toolchain/trace/play_economics.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

#include "datasets/pocket/random.h"
#include "datasets/pocket/world.h"
#include "formats/base/hash.h"
#include "toolchain/base/error.h"
#include "toolchain/eval/hash_text.h"
#include "toolchain/eval/task_request.h"
#include "toolchain/tlm/label_cube.h"
#include "toolchain/tlm/slo_labels.h"

namespace elm {
namespace {

constexpr size_t kAnswersAtOnce = 240;  // between two results that are kept

using LevelPair = std::pair<uint32_t, uint32_t>;  // thousandths of prompt and model, or sparsity

// Another wording of a task of the built-in world.
Task Reworded(const Trace& trace, const Task& task) {
  const auto families = pocket::Families();
  const auto family = std::find_if(families.begin(), families.end(),
                                   [&](const auto& one) { return one.name == task.task; });
  // Ids end in the task's place in the stream: "app-test-7-12".
  const uint64_t index = std::stoull(task.id.substr(task.id.find_last_of('-') + 1));
  return pocket::MakeTask({.family = static_cast<uint32_t>(family - families.begin()),
                           .split = ValueOrThrow(pocket::ParseSplit(trace.built_in->split)),
                           .seed = trace.built_in->seed,
                           .index = index,
                           .wording = 1});
}

class Play {
 public:
  Play(const EconomicsInputs& inputs, const EconomicsHooks& hooks, EconomicsResults& results)
      : inputs_(inputs), hooks_(hooks), results_(results), grid_(inputs.planner.config.grid) {}

  void Run() {
    ListCases();
    ListPolicies();
    PlanCases();
    for (size_t i = 0; i < plans_.size(); ++i) ChoosePairs(i);
    if (inputs_.oracle) ChooseByOracle();
    AnswerCells();
    if (inputs_.sparse != nullptr) AnswerSparse();
    for (size_t i = 0; i < plans_.size(); ++i) FillAnswers(i);
    hooks_.measured(results_);
  }

 private:
  // Pairs that policies of the elastic model chose for a case.
  struct Chosen {
    size_t random = 0;
    size_t fixed = 0;
    std::optional<size_t> oracle;
    BaselinePick lingua;
  };

  // One app's task in a trace.
  struct Source {
    const Trace* trace;
    const Task* task;
    const Slo* slo;
  };

  // ---- What there is to do

  void ListCases() {
    std::vector<TraceCase> earlier = std::exchange(results_.cases, {});
    std::map<std::pair<std::string, std::string>, TraceCase*> known;
    for (TraceCase& one : earlier) known[{one.app + " " + one.slo, one.task_hash}] = &one;
    std::map<std::pair<std::string, std::string>, uint32_t> indices;
    results_.traces.clear();
    for (const Trace& trace : inputs_.traces) {
      PlayedTrace played{trace.alpha, trace.seed, {}};
      for (const TraceRequest& request : trace.requests) {
        const TraceApp& app = trace.apps[request.app];
        const Task& task = trace.tasks[request.task];
        const std::string hash = HashText(HashTask(task));
        const std::pair<std::string, std::string> key = {app.name + " " + SloText(app.slo), hash};
        const auto next = static_cast<uint32_t>(results_.cases.size());
        const auto [place, is_new] = indices.try_emplace(key, next);
        if (is_new) {
          TraceCase one{.app = app.name, .slo = SloText(app.slo), .family = task.task};
          one.task = task.id;
          one.task_hash = hash;
          const auto found = known.find(key);
          if (found != known.end()) {
            one.cells = std::move(found->second->cells);
            one.reworded = std::move(found->second->reworded);
            one.sparse = std::move(found->second->sparse);
          }
          results_.cases.push_back(std::move(one));
          sources_.push_back({&trace, &task, &app.slo});
        }
        played.cases.push_back(place->second);
      }
      results_.traces.push_back(std::move(played));
    }
  }

  void ListPolicies() {
    results_.policies.clear();
    const auto add = [&](const char* name, const char* title, const char* note,
                         PolicyRole role = PolicyRole::kOther) {
      results_.policies.push_back({name, title, role, "", note});
    };
    add(kOurPolicy, "ours", "tiny LM decides and chooses words", PolicyRole::kOurs);
    for (const TraceBaseline& baseline : inputs_.baselines) {
      if (baseline.policy.role == PolicyRole::kBaseline) AddBaseline(baseline.policy);
    }
    add(kFullPolicy, "full model", "full prompt, whatever the SLO");
    add(kFixedPolicy, "best fixed pair", "the feasible pair with the best validation accuracy");
    add(kRandomPolicy, "random feasible pair", "");
    if (inputs_.oracle) {
      add(kOraclePolicy, "oracle",
          "cross-fitted: the feasible pair that is right on another wording of the question");
    }
    for (const TraceBaseline& baseline : inputs_.baselines) {
      if (baseline.policy.role != PolicyRole::kBaseline) AddBaseline(baseline.policy);
    }
  }

  // LLMLingua-2 with contextual sparsity stands last among the baselines of each table.
  void AddBaseline(const TracePolicy& policy) {
    results_.policies.push_back(policy);
    if (policy.role != PolicyRole::kBaseline || inputs_.sparse == nullptr) return;
    const bool last = std::none_of(
        inputs_.baselines.begin(), inputs_.baselines.end(), [&](const TraceBaseline& other) {
          return other.policy.role == PolicyRole::kBaseline && other.policy.table == policy.table &&
                 Listed(other.policy.name) == nullptr;
        });
    if (!last) return;
    TracePolicy lingua = inputs_.sparse->policy;
    lingua.name = StrCat(kLinguaPolicy, "/", policy.table);
    lingua.table = policy.table;
    results_.policies.push_back(lingua);
  }

  const TracePolicy* Listed(const std::string& name) const {
    const auto found = std::find_if(results_.policies.begin(), results_.policies.end(),
                                    [&](const TracePolicy& policy) { return policy.name == name; });
    return found == results_.policies.end() ? nullptr : &*found;
  }

  void PlanCases() {
    for (size_t i = 0; i < sources_.size(); ++i) {
      plans_.emplace_back(inputs_.planner, *sources_[i].task, *sources_[i].slo);
      CheckLength(*sources_[i].task);
      TraceCase& one = results_.cases[i];
      const RequestPlan& plan = plans_.back();
      one.ttft_limit_ms = std::min(plan.limits().ttft_ms, kNoLimitMs);
      one.tpot_limit_ms = std::min(plan.limits().tpot_ms, kNoLimitMs);
      one.full_tokens = plan.full_tokens();
      one.tlm_tokens = plan.tlm_tokens();
      one.feasible_pairs = plan.feasible_pairs();
      hooks_.progress("plan", i + 1, sources_.size());
    }
  }

  void CheckLength(const Task& task) const {
    const AnswerScoring& scoring = inputs_.scoring;
    const size_t longest = MakeScoringRequest(task, scoring.encode, scoring.bos).longest();
    if (longest <= scoring.rules.context) return;
    throw Error(InvalidArgument("task ", task.id, ": prompt and longest answer have ", longest,
                                " tokens, the model's context holds ", scoring.rules.context,
                                "; leave it out of the trace"));
  }

  // ---- What each policy chooses

  void ChoosePairs(size_t index) {
    const RequestPlan& plan = plans_[index];
    const Feasibility& feasibility = plan.feasibility();
    Chosen chosen;
    const size_t lightest = LightestPair(feasibility);
    chosen.fixed = BestFeasible(feasibility, accuracy()).value_or(lightest);
    chosen.random = RandomPair(index).value_or(lightest);
    if (inputs_.sparse != nullptr) {
      chosen.lingua = PickPromptAndSparsity(inputs_.sparse->answers->LevelsFor(plan.task()),
                                            plan.FullModelCosts(), plan.kept_tokens(),
                                            ShareLatency(inputs_.planner.config.table),
                                            plan.limits(), inputs_.planner.output_tokens);
    }
    chosen_.push_back(chosen);
  }

  // The same for the same case, whatever else is played.
  std::optional<size_t> RandomPair(size_t index) const {
    const TraceCase& one = results_.cases[index];
    const std::string name = StrCat(one.app, " ", one.slo, " ", one.task);
    pocket::Random random(Hash64(std::as_bytes(std::span(name))) + inputs_.seed);
    const auto& pairs = plans_[index].feasibility().pairs;
    std::vector<size_t> feasible;
    for (size_t pair = 0; pair < pairs.size(); ++pair) {
      if (pairs[pair].feasible) feasible.push_back(pair);
    }
    if (feasible.empty()) return std::nullopt;
    return feasible[random.Below(feasible.size())];
  }

  // Of the feasible pairs that are right on another wording the one with the best validation
  // accuracy; where none is, the best fixed one.
  void ChooseByOracle() {
    std::vector<RequestPlan> reworded;
    for (size_t i = 0; i < sources_.size(); ++i) {
      const Source& source = sources_[i];
      if (!source.trace->built_in) {
        throw Error(
            InvalidArgument("the oracle needs another wording of each task, which only "
                            "the built-in world's have; leave --oracle out"));
      }
      reworded.emplace_back(inputs_.planner, Reworded(*source.trace, *source.task), *source.slo);
      hooks_.progress("plan oracle", i + 1, sources_.size());
    }
    std::vector<Wanted> wanted;
    for (size_t i = 0; i < plans_.size(); ++i) {
      const auto& pairs = plans_[i].feasibility().pairs;
      for (size_t pair = 0; pair < pairs.size(); ++pair) {
        if (pairs[pair].feasible) wanted.push_back({i, pair});
      }
    }
    AnswerWanted(reworded, std::move(wanted), &TraceCase::reworded, "oracle");
    for (size_t i = 0; i < plans_.size(); ++i) {
      std::vector<double> values = accuracy();
      for (size_t pair = 0; pair < values.size(); ++pair) {
        if (!plans_[i].feasibility().pairs[pair].feasible) continue;
        if (!results_.cases[i].reworded.at(NameOf(pair))) values[pair] -= 1;  // below all others
      }
      chosen_[i].oracle = BestFeasible(plans_[i].feasibility(), values)
                              .value_or(LightestPair(plans_[i].feasibility()));
    }
  }

  // ---- Answers

  struct Wanted {
    size_t index;  // case
    size_t pair;
  };

  LevelPair NameOf(size_t pair) const {
    return {grid_.prompt_permille[grid_.prompt_level(pair)],
            grid_.model_permille[grid_.model_level(pair)]};
  }

  size_t full_pair() const { return grid_.full_pair(); }
  const std::vector<double>& accuracy() const { return inputs_.planner.config.accuracy->accuracy; }

  void AnswerCells() {
    std::vector<Wanted> wanted;
    for (size_t i = 0; i < chosen_.size(); ++i) {
      const Chosen& chosen = chosen_[i];
      for (const size_t pair : {plans_[i].decided(), chosen.random, chosen.fixed, full_pair(),
                                chosen.oracle.value_or(full_pair())}) {
        wanted.push_back({i, pair});
      }
    }
    AnswerWanted(plans_, std::move(wanted), &TraceCase::cells, "answer");
  }

  // Answers what is not known yet, all of a model level together, a few hundred at a time.
  void AnswerWanted(const std::vector<RequestPlan>& plans, std::vector<Wanted> wanted,
                    TraceCase::Cells TraceCase::*cells, const std::string& label) {
    std::erase_if(wanted, [&](const Wanted& one) {
      return (results_.cases[one.index].*cells).count(NameOf(one.pair)) > 0;
    });
    const auto order = [&](const Wanted& one) {
      return std::make_tuple(grid_.model_level(one.pair), one.index, one.pair);
    };
    std::sort(wanted.begin(), wanted.end(),
              [&](const Wanted& a, const Wanted& b) { return order(a) < order(b); });
    wanted.erase(
        std::unique(wanted.begin(), wanted.end(),
                    [&](const Wanted& a, const Wanted& b) { return order(a) == order(b); }),
        wanted.end());
    size_t begin = 0;
    while (begin < wanted.size()) {
      const size_t level = grid_.model_level(wanted[begin].pair);
      size_t end = begin;
      std::vector<Task> tasks;
      while (end < wanted.size() && end - begin < kAnswersAtOnce &&
             grid_.model_level(wanted[end].pair) == level) {
        tasks.push_back(plans[wanted[end].index].At(grid_.prompt_level(wanted[end].pair)).task);
        ++end;
      }
      const std::vector<bool> right =
          Answer(inputs_.scoring, inputs_.engine_levels.at(level), std::move(tasks),
                 [&](size_t done) { hooks_.progress(label, begin + done, wanted.size()); });
      for (size_t i = begin; i < end; ++i) {
        (results_.cases[wanted[i].index].*cells)[NameOf(wanted[i].pair)] = right[i - begin];
      }
      begin = end;
      hooks_.measured(results_);
    }
  }

  template <typename Done>
  static std::vector<bool> Answer(const AnswerScoring& scoring, size_t level,
                                  std::vector<Task> tasks, const Done& done) {
    TaskSet set;
    for (const Task& task : tasks) {
      set.requests.push_back(MakeScoringRequest(task, scoring.encode, scoring.bos));
    }
    set.tasks = std::move(tasks);
    std::vector<bool> right;
    for (const TaskOutcome& outcome : ScoreTasks(scoring.engine, level, set, scoring.rules,
                                                 [&](size_t so_far, size_t) { done(so_far); })) {
      right.push_back(outcome.correct);
    }
    return right;
  }

  LevelPair LinguaName(size_t index) const {
    const BaselinePick& pick = chosen_[index].lingua;
    return {grid_.prompt_permille[pick.prompt],
            inputs_.sparse->answers->level(pick.level).name_permille};
  }

  void AnswerSparse() {
    const SparseDecoding& sparse = *inputs_.sparse;
    std::map<size_t, std::vector<size_t>> by_level;
    size_t total = 0;
    for (size_t i = 0; i < chosen_.size(); ++i) {
      if (results_.cases[i].sparse.count(LinguaName(i)) > 0) continue;
      by_level[chosen_[i].lingua.level].push_back(i);
      ++total;
    }
    size_t finished = 0;
    for (const auto& [level, indices] : by_level) {
      std::vector<Task> tasks;
      for (const size_t i : indices) tasks.push_back(plans_[i].At(chosen_[i].lingua.prompt).task);
      const std::vector<bool> right =
          Answer(sparse.scoring, level, std::move(tasks),
                 [&](size_t done) { hooks_.progress("sparsity", finished + done, total); });
      for (size_t i = 0; i < indices.size(); ++i) {
        results_.cases[indices[i]].sparse[LinguaName(indices[i])] = right[i];
      }
      finished += indices.size();
      hooks_.measured(results_);
    }
  }

  // ---- What becomes of it

  // Whether a case that can be met was.
  static bool Met(const RequestPlan& plan, double ttft_ms, double tpot_ms) {
    return plan.feasible_pairs() > 0 && ttft_ms <= plan.limits().ttft_ms &&
           tpot_ms <= plan.limits().tpot_ms;
  }

  // By the same rule as any pair; what was chosen to fit may be one rounding off its limit.
  static bool Met(const RequestPlan& plan, const BaselinePick& pick) {
    return Met(plan, pick.ttft_ms, pick.tpot_ms) || (pick.feasible && plan.feasible_pairs() > 0);
  }

  PolicyAnswer OfPair(size_t index, size_t pair, const PairCost& cost) const {
    const RequestPlan& plan = plans_[index];
    const auto [prompt, model] = NameOf(pair);
    return {.prompt_permille = prompt,
            .model_permille = model,
            .tokens = plan.At(grid_.prompt_level(pair)).tokens,
            .ttft_ms = cost.ttft_ms,
            .tpot_ms = cost.tpot_ms,
            .met = Met(plan, cost.ttft_ms, cost.tpot_ms),
            .correct = results_.cases[index].cells.at({prompt, model})};
  }
  PolicyAnswer OfPair(size_t index, size_t pair) const {
    return OfPair(index, pair, plans_[index].CostAt(pair));
  }

  PolicyAnswer OfBaseline(size_t index, const TraceBaseline& baseline) const {
    const RequestPlan& plan = plans_[index];
    const BaselinePick pick = PickLevel(baseline.answers->LevelsFor(plan.task()),
                                        ShareLatency(inputs_.planner.config.table), plan.limits(),
                                        plan.full_tokens(), inputs_.planner.output_tokens);
    return {.model_permille = baseline.answers->level(pick.level).name_permille,
            .tokens = plan.full_tokens(),
            .ttft_ms = pick.ttft_ms,
            .tpot_ms = pick.tpot_ms,
            .met = Met(plan, pick),
            .correct = baseline.answers->Correct(pick.level, plan.task())};
  }

  PolicyAnswer OfLingua(size_t index) const {
    const RequestPlan& plan = plans_[index];
    const BaselinePick& pick = chosen_[index].lingua;
    const auto [prompt, model] = LinguaName(index);
    return {.prompt_permille = prompt,
            .model_permille = model,
            .tokens = plan.kept_tokens()[pick.prompt],
            .ttft_ms = pick.ttft_ms,
            .tpot_ms = pick.tpot_ms,
            .met = Met(plan, pick),
            .correct = results_.cases[index].sparse.at({prompt, model})};
  }

  void FillAnswers(size_t index) {
    auto& answers = results_.cases[index].answers;
    answers.clear();
    const Chosen& chosen = chosen_[index];
    const RequestPlan& plan = plans_[index];
    answers[kOurPolicy] = OfPair(index, plan.decided(), plan.DecidedCost());
    answers[kFullPolicy] = OfPair(index, full_pair());
    answers[kFixedPolicy] = OfPair(index, chosen.fixed);
    answers[kRandomPolicy] = OfPair(index, chosen.random);
    if (chosen.oracle) answers[kOraclePolicy] = OfPair(index, *chosen.oracle);
    for (const TraceBaseline& baseline : inputs_.baselines) {
      answers[baseline.policy.name] = OfBaseline(index, baseline);
    }
    for (const TracePolicy& policy : results_.policies) {
      if (policy.name.starts_with(kLinguaPolicy)) answers[policy.name] = OfLingua(index);
    }
  }

  const EconomicsInputs& inputs_;
  const EconomicsHooks& hooks_;
  EconomicsResults& results_;
  const LevelGrid& grid_;
  std::vector<Source> sources_;     // [cases]
  std::vector<RequestPlan> plans_;  // [cases]
  std::vector<Chosen> chosen_;      // [cases]
};

}  // namespace

void PlayEconomics(const EconomicsInputs& inputs, const EconomicsHooks& hooks,
                   EconomicsResults& results) {
  Play(inputs, hooks, results).Run();
}

}  // namespace elm
