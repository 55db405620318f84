#include "runtime/orchestrator/orchestrator.h"

#include <algorithm>
#include <utility>

#include "formats/base/utf8.h"

namespace elm {
namespace {

Status CheckParts(std::span<const PromptPart> parts) {
  bool empty = true;
  for (const PromptPart& part : parts) {
    if (const auto bad = FindInvalidUtf8(part.text)) {
      return InvalidArgument(PartRoleName(part.role), ": byte ", *bad, " is not valid UTF-8");
    }
    empty = empty && part.text.empty();
  }
  return empty ? InvalidArgument("the request is empty: no part of it has any text") : Status::Ok();
}

bool HasText(std::span<const PromptPart> parts, PartRole role) {
  return std::any_of(parts.begin(), parts.end(), [role](const PromptPart& part) {
    return part.role == role && !part.text.empty();
  });
}

}  // namespace

const char* TlmUseName(TlmUse use) {
  switch (use) {
    case TlmUse::kRead:
      return "read";
    case TlmUse::kAbsent:
      return "absent";
    case TlmUse::kNotNeeded:
      return "not_needed";
    case TlmUse::kNoContext:
      return "no_context";
    case TlmUse::kShortPrompt:
      return "short_prompt";
    case TlmUse::kTooSlow:
      return "too_slow";
  }
  return "unknown";
}

const char* SloOutcomeName(SloOutcome outcome) {
  switch (outcome) {
    case SloOutcome::kMet:
      return "met";
    case SloOutcome::kMissed:
      return "missed";
    case SloOutcome::kInfeasible:
      return "slo_infeasible";
  }
  return "unknown";
}

Result<OrchestratorConfig> ConfigOf(const Bundle& bundle, LatencyTable table) {
  OrchestratorConfig config;
  const BundleView& view = bundle.view();
  if (view.tlm) {
    const TlmSettings& settings = view.tlm->settings;
    config.prompt = settings.prompt;
    config.grid = {settings.prompt_levels_permille, settings.model_levels_permille};
    config.decision = settings.decision;
    config.short_prompt_tokens = settings.short_prompt_tokens;
  } else {
    config.grid.prompt_permille = UsualPromptLevels();
    for (const Level& level : view.levels.levels) {
      config.grid.model_permille.push_back(level.name_permille);
    }
  }
  for (const uint32_t permille : config.grid.model_permille) {
    const Status found = FindLevel(view.levels, LevelName(permille)).status();
    if (!found.ok()) return found.In("the tiny LM of this bundle decides about a missing level");
  }
  ELM_RETURN_IF_ERROR(Validate(config.grid).In("the tiny LM of this bundle"));
  config.table = std::move(table);
  config.accuracy = view.accuracy;
  return config;
}

Orchestrator::Orchestrator(OrchestratorConfig config, Llm& llm, PromptReader* reader,
                           const MonotonicClock& clock)
    : config_(std::move(config)), llm_(llm), reader_(reader), clock_(clock) {}

Result<PreparedRequest> Orchestrator::Prepare(const SloRequest& request) {
  const Stopwatch watch(clock_);
  ELM_RETURN_IF_ERROR(Validate(request.slo));
  ELM_RETURN_IF_ERROR(CheckParts(request.parts));
  PreparedRequest prepared;
  prepared.drift = config_.follow_drift ? drift_.drift() : LatencyDrift();
  prepared.output_tokens = request.generate.max_tokens;
  prepared.words = FindContextWords(request.parts, request.forced);
  const size_t full_tokens = llm_.counter().Count(RenderPrompt(config_.prompt, request.parts));
  prepared.limits =
      LimitsOf(config_.table, request.slo, full_tokens, prepared.output_tokens, prepared.drift);
  // What does not fit the context must be shortened whatever its SLO allows.
  if (full_tokens >= llm_.context()) prepared.limits.allow_everything = false;
  prepared.compressed.parts = request.parts;
  prepared.compressed.full_tokens = full_tokens;

  if (prepared.limits.allow_everything) {
    prepared.tlm_use = TlmUse::kNotNeeded;
  } else if (reader_ == nullptr) {
    prepared.tlm_use = TlmUse::kAbsent;
  } else if (!HasText(request.parts, PartRole::kContext) &&
             !HasText(request.parts, PartRole::kQuestion)) {
    prepared.tlm_use = TlmUse::kNoContext;
  } else if (full_tokens < config_.short_prompt_tokens) {
    prepared.tlm_use = TlmUse::kShortPrompt;
  }
  if (prepared.tlm_use == TlmUse::kRead) {
    const Compressor compressor(config_.prompt, request.parts, prepared.words, llm_.counter(),
                                full_tokens);
    ELM_RETURN_IF_ERROR(ChooseWithTlm(request, compressor, prepared));
  } else {
    ChooseWithoutTlm(prepared);
  }
  prepared.selection_ms = watch.Ms() - prepared.tlm_ms;
  return prepared;
}

RequestSize Orchestrator::SizeOf(const PreparedRequest& prepared,
                                 std::vector<uint32_t> kept_tokens) const {
  RequestSize size;
  size.full_tokens = prepared.compressed.full_tokens;
  size.kept_tokens = std::move(kept_tokens);
  size.output_tokens = prepared.output_tokens;
  size.context = llm_.context();
  return size;
}

Feasibility Orchestrator::FullPromptOnly(const PreparedRequest& prepared) const {
  const LevelGrid grid = {{1000}, config_.grid.model_permille};
  const auto tokens = static_cast<uint32_t>(prepared.compressed.full_tokens);
  return FindFeasible(config_.table, grid, prepared.limits, SizeOf(prepared, {tokens}),
                      prepared.drift);
}

void Orchestrator::ChooseWithoutTlm(PreparedRequest& prepared) const {
  const AccuracyGrid* accuracy = config_.accuracy ? &*config_.accuracy : nullptr;
  prepared.feasibility = FullPromptOnly(prepared);
  prepared.decision = Decide(prepared.feasibility, nullptr, accuracy, config_.decision);
  prepared.prompt_permille = 1000;
  prepared.model_permille = config_.grid.model_permille[prepared.decision.model_level];
  Compressed& whole = prepared.compressed;
  whole.prompt = RenderPrompt(config_.prompt, whole.parts);
  whole.kept.assign(prepared.words.words.size(), 1);
  whole.tokens = whole.full_tokens;
}

Status Orchestrator::ChooseWithTlm(const SloRequest& request, const Compressor& compressor,
                                   PreparedRequest& prepared) {
  const std::string question_text = JoinQuestion(request.parts);
  const TlmQuestion question = {.question = question_text,
                                .context = prepared.words.context,
                                .ttft = prepared.limits.ttft_share,
                                .tpot = prepared.limits.tpot_share};
  const AccuracyGrid* accuracy = config_.accuracy ? &*config_.accuracy : nullptr;
  RequestSize size =
      SizeOf(prepared, KeptTokens(config_.grid.prompt_permille, prepared.compressed.full_tokens,
                                  compressor.protected_tokens()));
  size.reads = true;
  size.tlm_tokens = reader_->CountTokens(question);
  const auto feasibility = [&] {
    return FindFeasible(config_.table, config_.grid, prepared.limits, size, prepared.drift);
  };
  prepared.feasibility = feasibility();
  if (!prepared.feasibility.any()) {
    // Reading takes time, too: the full prompt at a small level may be feasible where no shortened
    // one is, or at least miss the limits by less.
    const Feasibility whole = FullPromptOnly(prepared);
    const auto least_overrun = [](const Feasibility& f) {
      double least = f.Overrun(0);
      for (size_t pair = 1; pair < f.pairs.size(); ++pair) {
        least = std::min(least, f.Overrun(pair));
      }
      return least;
    };
    if (whole.any() || least_overrun(whole) <= least_overrun(prepared.feasibility)) {
      prepared.tlm_use = TlmUse::kTooSlow;
      drift_.MissTlm();
      ChooseWithoutTlm(prepared);
      return Status::Ok();
    }
  }
  prepared.was_feasible = prepared.feasibility.any();
  const Stopwatch watch(clock_);
  ELM_ASSIGN_OR_RETURN(prepared.answer, reader_->Read(question));
  const TlmAnswer& answer = prepared.answer;
  prepared.tlm_ms = watch.Ms();
  if (config_.follow_drift) {
    drift_.ObserveTlm(prepared.tlm_ms, config_.table.Tlm(static_cast<double>(answer.tokens)));
    // What is spent is known now.
    size.tlm_ms = prepared.tlm_ms;
    prepared.feasibility = feasibility();
  }
  prepared.decision = Decide(prepared.feasibility, &answer, accuracy, config_.decision);
  prepared.prompt_permille = config_.grid.prompt_permille[prepared.decision.prompt_level];
  prepared.model_permille = config_.grid.model_permille[prepared.decision.model_level];
  prepared.scores = WordScores(prepared.words, answer.pieces);
  prepared.compressed = compressor.Shorten(
      prepared.scores, PromptBudget(prepared.prompt_permille, compressor.full_tokens()));
  return Status::Ok();
}

Result<SloAnswer> Orchestrator::Answer(const SloRequest& request, const TextSink& sink) {
  ELM_ASSIGN_OR_RETURN(PreparedRequest prepared, Prepare(request));
  return Answer(request, std::move(prepared), sink);
}

Result<SloAnswer> Orchestrator::Answer(const SloRequest& request, PreparedRequest prepared,
                                       const TextSink& sink) {
  SloAnswer answer;
  answer.prepared = std::move(prepared);
  const PreparedRequest& known = answer.prepared;
  const Stopwatch watch(clock_);
  ELM_RETURN_IF_ERROR(llm_.SetLevel(known.model_permille));
  answer.switch_ms = watch.Ms();
  ELM_ASSIGN_OR_RETURN(answer.result,
                       llm_.Generate(known.compressed.prompt, request.generate, sink));
  answer.ttft_ms = known.tlm_ms + known.selection_ms + answer.switch_ms + answer.result.ttft_ms;
  answer.tpot_ms = answer.result.tpot_ms;
  answer.within_limits =
      answer.ttft_ms <= known.limits.ttft_ms && answer.tpot_ms <= known.limits.tpot_ms;
  if (!known.decision.feasible && !known.was_feasible) {
    answer.outcome = SloOutcome::kInfeasible;
  } else {
    const bool by_definition =
        known.limits.met_by_definition && known.decision.source == DecisionSource::kEverything;
    const bool met = answer.within_limits || by_definition;
    answer.outcome = met ? SloOutcome::kMet : SloOutcome::kMissed;
  }
  Observe(answer);
  return answer;
}

void Orchestrator::Observe(const SloAnswer& answer) {
  if (!config_.follow_drift || answer.result.finish == GenerateResult::Finish::kCancelled) return;
  const LatencyTable& table = config_.table;
  const size_t level = table.NearestLevel(answer.prepared.model_permille);
  const auto tokens = static_cast<double>(answer.prepared.compressed.tokens);
  const auto generated = static_cast<double>(answer.result.ids.size());
  drift_.ObserveTtft(answer.result.ttft_ms, table.Ttft(level, tokens));
  drift_.ObserveTpot(answer.result.tpot_ms, table.Tpot(level, tokens + generated / 2));
}

}  // namespace elm
