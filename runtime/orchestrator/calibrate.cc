#include "runtime/orchestrator/calibrate.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "formats/base/statistics.h"
#include "runtime/engine/sampler.h"
#include "runtime/orchestrator/calibration_text.h"
#include "runtime/orchestrator/llm.h"
#include "runtime/tlm/compress.h"

namespace elm {
namespace {

constexpr uint32_t kUsualPromptTokens[] = {16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024};
constexpr uint32_t kUsualContextTokens[] = {16, 128, 512, 1024};
constexpr uint32_t kUsualTlmWords[] = {8, 32, 64, 128, 256, 512, 1024};
constexpr uint32_t kTrialTokens = 64;
constexpr double kRoundsWanted = 4;  // the warm-up among them
constexpr uint32_t kSwitches = 64;   // timed as one: each is too short
constexpr double kKilo = 1000;

// A point of the table and what was measured there, in ms.
struct Cell {
  std::vector<double> samples;
  double median() const { return Percentile(samples, 0.5); }
};

// All cells of a round, in the order in which they are measured.
struct Cells {
  std::vector<std::vector<Cell>> ttft;  // [levels][points]
  std::vector<std::vector<Cell>> tpot;
  std::vector<Cell> tlm;
  Cell selection;  // per kilotoken
  Cell change;     // of the level

  template <typename Visit>
  void ForEach(const Visit& visit) {
    for (auto* rows : {&ttft, &tpot}) {
      for (std::vector<Cell>& row : *rows) {
        for (Cell& cell : row) visit(cell);
      }
    }
    for (Cell& cell : tlm) visit(cell);
    visit(selection);
    visit(change);
  }
};

class CalibrationRun {
 public:
  CalibrationRun(Session& session, const Tokenizer& tokenizer, PromptReader* reader,
                 const CalibrationPlan& plan, const CalibrationHooks& hooks,
                 const MonotonicClock& clock)
      : session_(session),
        tokenizer_(tokenizer),
        counter_(tokenizer, session.model().bundle().view().generation),
        reader_(reader),
        plan_(plan),
        hooks_(hooks),
        clock_(clock),
        watch_(clock),
        sampler_({}, session.model().config().vocab),
        text_(MakeCalibrationText(tokenizer, plan.prompt_tokens.back())) {
    const size_t levels = session.model().levels().levels.size();
    cells_.ttft.assign(levels, std::vector<Cell>(plan.prompt_tokens.size()));
    cells_.tpot.assign(levels, std::vector<Cell>(plan.context_tokens.size()));
    if (reader != nullptr) PlanReading();
  }

  Result<Calibration> Run() {
    Calibration result;
    while (result.rounds < plan_.rounds + 1 && !Cancelled()) {
      if (result.rounds > 0 && !TimeForAnother(result.rounds)) break;
      Cells before = cells_;
      ELM_RETURN_IF_ERROR(Round(result.rounds));
      if (Cancelled()) {
        cells_ = std::move(before);
        break;
      }
      ++result.rounds;
      // What ran cold is forgotten as soon as there is something better.
      if (result.rounds == 2) DropFirstSamples();
    }
    if (result.rounds == 0) {
      return Status(StatusCode::kCancelled, "stopped before the first round was measured");
    }
    if (result.rounds > 1) --result.rounds;
    result.cancelled = Cancelled();
    result.seconds = watch_.Ms() / kKilo;
    result.table = Table();
    if (result.rounds < kRoundsThatScatter) {
      result.table.margin = std::max(result.table.margin, kUnknownMargin);
    }
    return result;
  }

 private:
  bool Cancelled() const { return hooks_.cancelled(); }

  bool TimeForAnother(uint32_t rounds) const {
    const double spent = watch_.Ms() / kKilo;
    return spent + spent / rounds <= plan_.seconds;
  }

  // The texts that the tiny LM reads: no two of the same number of tokens, ascending.
  void PlanReading() {
    for (const uint32_t words : plan_.tlm_words) {
      std::string context = MakeCalibrationWords(words);
      const size_t tokens = reader_->CountTokens({text_.question, context, 1, 1});
      if (!tlm_tokens_.empty() && tokens <= tlm_tokens_.back()) continue;
      tlm_tokens_.push_back(static_cast<uint32_t>(tokens));
      tlm_contexts_.push_back(std::move(context));
    }
    // A table needs two points.
    if (tlm_tokens_.size() < 2) tlm_tokens_.clear();
    cells_.tlm.resize(tlm_tokens_.size());
  }

  Status Round(uint32_t round) {
    const std::string name = round == 0 ? "warm-up" : StrCat("round ", round);
    const std::vector<Level>& levels = session_.model().levels().levels;
    for (size_t point = 0; point < plan_.prompt_tokens.size(); ++point) {
      for (size_t level = 0; level < levels.size() && !Cancelled(); ++level) {
        Announce(round, StrCat(name, ", level ", LevelName(levels[level].name_permille), ", ",
                               plan_.prompt_tokens[point], " tokens"));
        ELM_RETURN_IF_ERROR(session_.SetLevel(LevelName(levels[level].name_permille)));
        ELM_RETURN_IF_ERROR(MeasureTtft(plan_.prompt_tokens[point], cells_.ttft[level][point]));
        const bool longest = point + 1 == plan_.prompt_tokens.size();
        if (longest) ELM_RETURN_IF_ERROR(MeasureTpot(cells_.tpot[level]));
      }
    }
    for (size_t i = 0; i < cells_.tlm.size() && !Cancelled(); ++i) {
      Announce(round, StrCat(name, ", tiny LM, ", tlm_tokens_[i], " tokens"));
      const Stopwatch watch(clock_);
      ELM_RETURN_IF_ERROR(reader_->Read({text_.question, tlm_contexts_[i], 1, 1}).status());
      cells_.tlm[i].samples.push_back(watch.Ms());
    }
    if (Cancelled()) return Status::Ok();
    MeasureSelection();
    return MeasureSwitch();
  }

  // From text to the first token, as Generate() does.
  Status MeasureTtft(uint32_t tokens, Cell& cell) {
    session_.Reset();
    const std::string_view text = text_.TextOf(tokens);
    const Stopwatch watch(clock_);
    // The text may come out one token longer or shorter: what is prefilled is what was asked for.
    tokenizer_.Encode(text);
    ELM_RETURN_IF_ERROR(session_.Append(std::span(text_.ids).first(tokens)));
    last_id_ = sampler_.Next(session_.logits());
    cell.samples.push_back(watch.Ms());
    return Status::Ok();
  }

  // Behind every context, the longest first, in the KV cache of the longest prompt; a sample is the
  // mean of a few tokens, as TPOT is.
  Status MeasureTpot(std::vector<Cell>& cells) {
    for (size_t point = cells.size(); point-- > 0 && !Cancelled();) {
      ELM_RETURN_IF_ERROR(session_.Rewind(plan_.context_tokens[point]));
      ELM_RETURN_IF_ERROR(session_.Append({&last_id_, 1}));
      const uint32_t room = session_.context() - session_.position();
      const uint32_t count = std::max(1U, std::min(plan_.decoded_tokens, room));
      const Stopwatch watch(clock_);
      for (uint32_t i = 0; i < count; ++i) {
        ELM_RETURN_IF_ERROR(session_.Append({&last_id_, 1}));
        last_id_ = sampler_.Next(session_.logits());
      }
      cells[point].samples.push_back(watch.Ms() / count);
    }
    return Status::Ok();
  }

  // Everything that Orchestrator::Prepare() does but reading, at half the prompt.
  void MeasureSelection() {
    const std::string text(text_.TextOf(plan_.prompt_tokens.back()));
    const std::vector<PromptPart> parts = {{PartRole::kContext, text},
                                           {PartRole::kQuestion, text_.question}};
    const PromptTemplate prompt;
    const Stopwatch watch(clock_);
    const ContextWords words = FindContextWords(parts);
    const size_t tokens = counter_.Count(RenderPrompt(prompt, parts));
    const Compressor compressor(prompt, parts, words, counter_, tokens);
    if (reader_ != nullptr) reader_->CountTokens({text_.question, words.context, 1, 1});
    std::vector<PieceScore> pieces;
    for (size_t i = 0; i < words.words.size(); ++i) {
      pieces.push_back({words.words[i].span, static_cast<float>(i * 37 % 64) / 64});
    }
    const Compressed half =
        compressor.Shorten(WordScores(words, pieces), PromptBudget(500, tokens));
    const double ms = watch.Ms();
    if (half.full_tokens > 0) {
      cells_.selection.samples.push_back(ms * kKilo / static_cast<double>(tokens));
    }
  }

  Status MeasureSwitch() {
    const std::vector<Level>& levels = session_.model().levels().levels;
    const Stopwatch watch(clock_);
    for (uint32_t i = 0; i < kSwitches; ++i) {
      const Level& level = levels[i % levels.size()];
      ELM_RETURN_IF_ERROR(session_.SetLevel(LevelName(level.name_permille)));
    }
    cells_.change.samples.push_back(watch.Ms() / kSwitches);
    return Status::Ok();
  }

  void Announce(uint32_t round, const std::string& what) const {
    const double by_time = watch_.Ms() / kKilo / plan_.seconds;
    const double by_rounds = static_cast<double>(round) / (plan_.rounds + 1);
    hooks_.progress(what, std::min(1.0, std::max(by_time, by_rounds)));
  }

  void DropFirstSamples() {
    cells_.ForEach([](Cell& cell) {
      if (cell.samples.size() > 1) cell.samples.erase(cell.samples.begin());
    });
  }

  static double AtLeastTiny(double ms) { return std::max(ms, 1e-6); }

  static std::vector<double> Medians(const std::vector<Cell>& cells) {
    std::vector<double> medians;
    for (const Cell& cell : cells) medians.push_back(AtLeastTiny(cell.median()));
    return medians;
  }

  LatencyTable Table() {
    LatencyTable table;
    table.name = plan_.name;
    table.bundle_hash = plan_.bundle_hash;
    for (const Level& level : session_.model().levels().levels) {
      table.level_permille.push_back(level.name_permille);
    }
    table.ttft_tokens = plan_.prompt_tokens;
    for (const auto& row : cells_.ttft) table.ttft_ms.push_back(Medians(row));
    table.tpot_context = plan_.context_tokens;
    for (const auto& row : cells_.tpot) table.tpot_ms.push_back(Medians(row));
    table.tlm_tokens = tlm_tokens_;
    table.tlm_ms = Medians(cells_.tlm);
    table.selection_ms_per_kilotoken = cells_.selection.median();
    table.switch_ms = cells_.change.median();
    table.margin = Margin();
    MakeMonotone(table);
    return table;
  }

  // Over the LLM's samples: they are what limits are set by.
  double Margin() const {
    std::vector<double> ratios;
    for (const auto* rows : {&cells_.ttft, &cells_.tpot}) {
      for (const std::vector<Cell>& row : *rows) {
        for (const Cell& cell : row) {
          const double median = AtLeastTiny(cell.median());
          for (const double sample : cell.samples) ratios.push_back(sample / median);
        }
      }
    }
    return std::clamp(Percentile(ratios, 0.95) - 1, kLeastMargin, kMostMargin);
  }

  Session& session_;
  const Tokenizer& tokenizer_;
  LlmTokenCounter counter_;
  PromptReader* reader_;
  const CalibrationPlan& plan_;
  const CalibrationHooks& hooks_;
  const MonotonicClock& clock_;
  Stopwatch watch_;
  Sampler sampler_;
  CalibrationText text_;
  std::vector<uint32_t> tlm_tokens_;
  std::vector<std::string> tlm_contexts_;
  uint32_t last_id_ = 0;
  Cells cells_;
};

template <size_t kCount>
std::vector<uint32_t> UpTo(const uint32_t (&points)[kCount], uint32_t most) {
  std::vector<uint32_t> chosen;
  for (const uint32_t point : points) {
    if (point <= most) chosen.push_back(point);
  }
  return chosen;
}

// Prompts that a context can hold with some tokens behind them; at least two.
std::vector<uint32_t> PromptPoints(uint32_t most) {
  std::vector<uint32_t> points = UpTo(kUsualPromptTokens, most);
  if (points.size() < 2) points = {most / 2, most};
  return points;
}

// Removes points while they cost more than `affordable` tokens of prefill in all: first long ones,
// then some from the middle.
void ThinOut(std::vector<uint32_t>& points, double affordable) {
  const auto cost = [&] { return std::accumulate(points.begin(), points.end(), 0.0); };
  while (points.size() > 3 && points.back() > affordable / 2) points.pop_back();
  while (points.size() > 3 && cost() > affordable) {
    points.erase(points.begin() + static_cast<ptrdiff_t>(points.size()) - 2);
  }
  while (points.size() > 2 && cost() > affordable) points.pop_back();
}

}  // namespace

Result<CalibrationPlan> PlanCalibration(Session& session, double seconds,
                                        const MonotonicClock& clock) {
  CalibrationPlan plan;
  plan.seconds = seconds;
  const uint32_t context = session.context();
  if (context < 4) {
    return InvalidArgument("a context of ", context, " tokens is too short to measure anything");
  }
  const uint32_t most = context - std::clamp(context / 4, 2U, plan.decoded_tokens + 1);
  plan.prompt_tokens = PromptPoints(most);

  // A trial at the full level. The others take their share of its time.
  const std::vector<Level>& levels = session.model().levels().levels;
  ELM_RETURN_IF_ERROR(session.SetLevel(LevelName(levels.back().name_permille)));
  const std::vector<uint32_t> ids(std::min(most, kTrialTokens), 0);
  double token_ms = 0;
  for (int i = 0; i < 2; ++i) {  // the first one reads the weights
    session.Reset();
    const Stopwatch watch(clock);
    ELM_RETURN_IF_ERROR(session.Append(ids));
    token_ms = watch.Ms() / static_cast<double>(ids.size());
  }
  session.Reset();
  double shares = 0;
  for (const Level& level : levels) shares += TrueShare(session.model().config(), level);
  ThinOut(plan.prompt_tokens,
          seconds * kKilo / kRoundsWanted / (shares * std::max(token_ms, 1e-6)));

  const uint32_t longest = plan.prompt_tokens.back();
  plan.context_tokens = UpTo(kUsualContextTokens, longest);
  if (plan.context_tokens.empty() || plan.context_tokens.back() < longest) {
    plan.context_tokens.push_back(longest);
  }
  if (plan.context_tokens.size() < 2) {
    plan.context_tokens.insert(plan.context_tokens.begin(), longest / 2);
  }
  plan.tlm_words = UpTo(kUsualTlmWords, std::max(64U, longest));
  return plan;
}

Result<Calibration> Calibrate(Session& session, PromptReader* reader, const CalibrationPlan& plan,
                              const CalibrationHooks& hooks, const MonotonicClock& clock) {
  ELM_ASSIGN_OR_RETURN(const Tokenizer* tokenizer, session.model().tokenizer());
  ELM_ASSIGN_OR_RETURN(Calibration calibration,
                       CalibrationRun(session, *tokenizer, reader, plan, hooks, clock).Run());
  ELM_RETURN_IF_ERROR(Validate(calibration.table));
  return calibration;
}

}  // namespace elm
