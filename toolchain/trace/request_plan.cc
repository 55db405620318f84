#include "toolchain/trace/request_plan.h"

#include <algorithm>
#include <utility>

#include "toolchain/base/error.h"
#include "toolchain/tlm/task_parts.h"

namespace elm {
namespace {

uint32_t CountFeasible(const Feasibility& feasibility) {
  return static_cast<uint32_t>(std::count_if(feasibility.pairs.begin(), feasibility.pairs.end(),
                                             [](const PairCost& pair) { return pair.feasible; }));
}

size_t LevelOf(const std::vector<uint32_t>& levels, uint32_t permille) {
  return static_cast<size_t>(std::find(levels.begin(), levels.end(), permille) - levels.begin());
}

}  // namespace

RequestPlan::RequestPlan(const Planner& planner, const Task& task, const Slo& slo)
    : planner_(planner), task_(task), parts_(TaskParts(task)), words_(FindContextWords(parts_)) {
  const OrchestratorConfig& config = planner.config;
  const TokenCounter& counter = planner.llm.counter();
  size_.full_tokens = counter.Count(RenderPrompt(config.prompt, parts_));
  const Compressor compressor(config.prompt, parts_, words_, counter, size_.full_tokens);
  size_.kept_tokens =
      KeptTokens(config.grid.prompt_permille, size_.full_tokens, compressor.protected_tokens());
  size_.output_tokens = planner.output_tokens;
  size_.context = planner.llm.context();
  size_.reads = true;
  const SloLimits limits = LimitsOf(config.table, slo, size_.full_tokens, planner.output_tokens);
  const std::string question = JoinQuestion(parts_);
  Result<TlmAnswer> answer = planner.reader.Read({.question = question,
                                                  .context = words_.context,
                                                  .ttft = limits.ttft_share,
                                                  .tpot = limits.tpot_share});
  ThrowIfError(answer.status().In("task " + task.id));
  answer_ = std::move(answer).value();
  size_.tlm_tokens = answer_.tokens;
  word_scores_ = WordScores(words_, answer_.pieces);
  feasibility_ = FindFeasible(config.table, config.grid, limits, size_);
  if (!feasibility_.any()) {
    size_.reads = false;
    feasibility_ = FindFeasible(config.table, config.grid, limits, size_);
    for (size_t pair = 0; pair < feasibility_.pairs.size(); ++pair) {
      const bool whole = config.grid.prompt_permille[config.grid.prompt_level(pair)] == 1000;
      if (!whole) feasibility_.pairs[pair].feasible = false;
    }
  }
  Decide(slo);
}

void RequestPlan::Decide(const Slo& slo) {
  Orchestrator orchestrator(planner_.config, planner_.llm, &planner_.reader);
  SloRequest request;
  request.parts = parts_;
  request.slo = slo;
  request.generate.max_tokens = planner_.output_tokens;
  const Result<PreparedRequest> prepared = orchestrator.Prepare(request);
  ThrowIfError(prepared.status().In("task " + task_.id));
  const LevelGrid& grid = planner_.config.grid;
  decided_ = grid.pair(LevelOf(grid.prompt_permille, prepared->prompt_permille),
                       LevelOf(grid.model_permille, prepared->model_permille));
  decided_by_reading_ = prepared->tlm_use == TlmUse::kRead;
  feasible_pairs_ = std::max(CountFeasible(feasibility_), CountFeasible(prepared->feasibility));
}

RequestPlan::Shortened RequestPlan::At(size_t prompt_level) const {
  const OrchestratorConfig& config = planner_.config;
  const Compressor compressor(config.prompt, parts_, words_, planner_.llm.counter(),
                              size_.full_tokens);
  const uint32_t permille = config.grid.prompt_permille.at(prompt_level);
  const Compressed compressed =
      compressor.Shorten(word_scores_, PromptBudget(permille, size_.full_tokens));
  return {WithParts(task_, compressed.parts), static_cast<uint32_t>(compressed.tokens)};
}

PairCost RequestPlan::Cost(size_t pair, bool reads) const {
  const OrchestratorConfig& config = planner_.config;
  const size_t prompt_level = config.grid.prompt_level(pair);
  RequestSize size = size_;
  size.reads = reads;
  size.kept_tokens[prompt_level] = At(prompt_level).tokens;
  return FindFeasible(config.table, config.grid, limits(), size).pairs.at(pair);
}

PairCost RequestPlan::DecidedCost() const {
  const bool whole = limits().allow_everything && decided_ == planner_.config.grid.full_pair();
  return whole ? FullCost() : Cost(decided_, decided_by_reading_);
}

PairCost RequestPlan::CostAt(size_t pair) const {
  return pair == planner_.config.grid.full_pair() ? FullCost() : Cost(pair, size_.reads);
}

PairCost RequestPlan::FullCost() const {
  const LatencyTable& table = planner_.config.table;
  const size_t level = table.level_permille.size() - 1;
  const auto tokens = static_cast<double>(size_.full_tokens);
  PairCost cost;
  cost.ttft_ms = table.Ttft(level, tokens);
  cost.tpot_ms = table.Tpot(level, tokens + size_.output_tokens / 2.0);
  cost.feasible = limits().allow_everything;
  return cost;
}

std::vector<PairCost> RequestPlan::FullModelCosts() const {
  const LevelGrid& grid = planner_.config.grid;
  RequestSize size = size_;
  size.reads = true;
  const Feasibility feasibility = FindFeasible(planner_.config.table, grid, limits(), size);
  std::vector<PairCost> costs;
  for (size_t prompt = 0; prompt < grid.prompt_permille.size(); ++prompt) {
    costs.push_back(feasibility.pairs[grid.pair(prompt, grid.model_permille.size() - 1)]);
  }
  if (limits().allow_everything) costs.back() = FullCost();
  return costs;
}

size_t LightestPair(const Feasibility& feasibility) {
  size_t lightest = 0;
  for (size_t pair = 1; pair < feasibility.pairs.size(); ++pair) {
    if (feasibility.Lighter(pair, lightest)) lightest = pair;
  }
  return lightest;
}

}  // namespace elm
