#include "runtime/cli/slo_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace elm {
namespace {

constexpr const char* kPlain = "\x1b[0m";
constexpr const char* kDropped = "\x1b[2;9;31m";  // dim, struck out, red
constexpr const char* kForced = "\x1b[1;32m";     // bold green
constexpr const char* kProtected = "\x1b[36m";    // cyan

std::string Fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

std::string Percent(double share) { return Fixed(100 * share, 1) + " %"; }

// Enough digits to see a difference, whether it is a second or a microsecond.
std::string Ms(double ms) {
  if (std::isinf(ms)) return "any";
  return Fixed(ms, ms < 10 ? 2 : ms < 100 ? 1 : 0);
}

std::string PerCentOf(uint32_t permille) {
  return permille % 10 == 0 ? StrCat(permille / 10, " %") : Fixed(permille / 10.0, 1) + " %";
}

std::string Right(const std::string& text, size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::string Left(std::string text, size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

// Text on a terminal does what it says, not what its control characters say.
std::string Harmless(std::string_view text) {
  std::string harmless(text);
  std::replace_if(
      harmless.begin(), harmless.end(),
      [](unsigned char c) { return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f; }, '?');
  return harmless;
}

// Colours every line by itself, or puts "| " in front of it.
std::string ProtectedText(std::string_view text, Marking marking) {
  std::string marked;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = Harmless(text.substr(begin, end - begin));
    marked += marking == Marking::kColours ? StrCat(kProtected, line, kPlain) : "| " + line;
    marked += '\n';
    begin = end + 1;
  }
  return marked;
}

std::string Marked(std::string_view text, bool kept, bool forced, Marking marking) {
  const std::string word = Harmless(text);
  if (kept && !forced) return word;
  if (marking == Marking::kColours) return StrCat(kept ? kForced : kDropped, word, kPlain);
  return kept ? StrCat("{+", word, "+}") : StrCat("[-", word, "-]");
}

// The context's words with what stands between them. Neighbours of one kind are marked together.
std::string ContextText(const PreparedRequest& prepared, uint32_t part, Marking marking) {
  const ContextWords& all = prepared.words;
  const std::string_view context = all.context;
  const auto first = std::find_if(all.words.begin(), all.words.end(),
                                  [&](const ContextWord& word) { return word.part == part; });
  std::string text;
  for (auto i = static_cast<size_t>(first - all.words.begin());
       i < all.words.size() && all.words[i].part == part;) {
    const auto kind = [&](size_t word) {
      return std::pair(prepared.compressed.kept[word], all.words[word].forced);
    };
    // As far as words of the same kind follow on the same line.
    size_t last = i;
    while (last + 1 < all.words.size() && all.words[last + 1].part == part &&
           kind(last + 1) == kind(i) &&
           context.substr(all.words[last].span.end,
                          all.words[last + 1].span.begin - all.words[last].span.end)
                   .find('\n') == std::string_view::npos) {
      ++last;
    }
    const size_t begin = all.words[i].span.begin;
    const size_t end = all.words[last].span.end;
    text += Marked(context.substr(begin, end - begin), kind(i).first != 0, kind(i).second, marking);
    i = last + 1;
    if (i < all.words.size() && all.words[i].part == part) {
      text += Harmless(context.substr(end, all.words[i].span.begin - end));
    }
  }
  return text + "\n";
}

// "43.1 of 50.0 ms".
std::string OfLimit(double ms, double limit) {
  return std::isinf(limit) ? Ms(ms) + " ms" : StrCat(Ms(ms), " of ", Ms(limit), " ms");
}

std::string BoundText(const std::optional<SloBound>& bound) {
  if (!bound) return "any";
  return bound->unit == SloBound::Unit::kShare ? Fixed(100 * bound->value, 0) + " %"
                                               : Ms(bound->value) + " ms";
}

const char* WhyNotRead(TlmUse use) {
  switch (use) {
    case TlmUse::kRead:
    case TlmUse::kNotNeeded:
      break;
    case TlmUse::kAbsent:
      return "The bundle has no tiny LM: only the full prompt can be chosen. ";
    case TlmUse::kNoContext:
      return "There is no context to shorten and no question: the tiny LM is not asked. ";
    case TlmUse::kShortPrompt:
      return "The prompt is so short that shortening does not pay: the tiny LM is not asked. ";
    case TlmUse::kTooSlow:
      return "The time of the tiny LM would break the SLO: it is not asked, and only the full "
             "prompt can be chosen. ";
  }
  return "";
}

std::string Row(const std::string& name, const std::string& asked, const std::string& predicted,
                const std::string& achieved) {
  return Left(name, 10) + Left(asked, 22) + Left(predicted, 14) + achieved + "\n";
}

}  // namespace

std::string AnswerLine(const SloAnswer& answer, const LatencySource& latency) {
  const PreparedRequest& prepared = answer.prepared;
  return StrCat(
      "level ", LevelName(prepared.model_permille), ", ", PerCentOf(prepared.prompt_permille),
      " of the prompt (", prepared.compressed.tokens, " of ", prepared.compressed.full_tokens,
      " tokens); TTFT ", OfLimit(answer.ttft_ms, prepared.limits.ttft_ms), ", TPOT ",
      OfLimit(answer.tpot_ms, prepared.limits.tpot_ms), ": ", SloOutcomeName(answer.outcome),
      " (latencies: ", latency.origin, latency.reference ? ", not measured here" : "", ")\n");
}

std::string MarkedPrompt(const SloRequest& request, const PreparedRequest& prepared,
                         Marking marking) {
  std::string text;
  for (size_t i = 0; i < request.parts.size(); ++i) {
    const PromptPart& part = request.parts[i];
    if (part.text.empty()) continue;
    text += StrCat("--- ", PartRoleName(part.role),
                   part.role == PartRole::kContext ? "" : " (protected)", "\n");
    text += part.role == PartRole::kContext
                ? ContextText(prepared, static_cast<uint32_t>(i), marking)
                : ProtectedText(part.text, marking);
  }
  return text;
}

std::string PairsText(const PreparedRequest& prepared) {
  const Feasibility& feasibility = prepared.feasibility;
  const LevelGrid& grid = feasibility.grid;
  std::string text = Left("prompt", 9);
  for (const uint32_t permille : grid.model_permille) text += Right(LevelName(permille), 10);
  text += "   model level\n";
  for (size_t p = 0; p < grid.prompt_permille.size(); ++p) {
    text += Left(PerCentOf(grid.prompt_permille[p]), 9);
    for (size_t m = 0; m < grid.model_permille.size(); ++m) {
      const PairCost& cost = feasibility.pairs[grid.pair(p, m)];
      const bool chosen = p == prepared.decision.prompt_level && m == prepared.decision.model_level;
      const std::string ms = std::isinf(cost.ttft_ms) ? "-" : Ms(cost.ttft_ms);
      text += Right(
          StrCat(cost.feasible ? "" : "[", ms, cost.feasible ? "" : "]", chosen ? "*" : ""), 10);
    }
    text += '\n';
  }
  return text + "TTFT in ms as predicted; [not feasible], * chosen\n";
}

std::string DecisionText(const PreparedRequest& prepared) {
  const Feasibility& feasibility = prepared.feasibility;
  const Decision& decision = prepared.decision;
  size_t feasible = 0;
  for (const PairCost& cost : feasibility.pairs) feasible += cost.feasible ? 1 : 0;
  const std::string among = StrCat(feasible, " of ", feasibility.pairs.size(), " pairs");
  std::string text = StrCat("Prompt level ", PerCentOf(prepared.prompt_permille), ", model level ",
                            LevelName(prepared.model_permille), ". ", WhyNotRead(prepared.tlm_use));
  const size_t pair = feasibility.grid.pair(decision.prompt_level, decision.model_level);
  switch (decision.source) {
    case DecisionSource::kEverything:
      return text + "The SLO allows the full model on the full prompt; the tiny LM is not asked.\n";
    case DecisionSource::kGrid:
      return StrCat(text, among, " are feasible; of these the tiny LM gives this one the highest ",
                    "probability of a right answer, ", Percent(prepared.answer.right[pair]), ".\n");
    case DecisionSource::kClassifiers:
      return StrCat(text, "The tiny LM's first choice, which is one of the feasible ones: ", among,
                    " are.\n");
    case DecisionSource::kFallback:
      return StrCat(text, "The tiny LM's first choice is not feasible; of the feasible ones (",
                    among, ") this one has the highest measured accuracy.\n");
    case DecisionSource::kAccuracy:
      return StrCat(text, among, " are feasible; this one has the highest measured accuracy.\n");
    case DecisionSource::kLargest:
      return StrCat(text, among,
                    " are feasible; nothing is known about accuracy, so the largest.\n");
    case DecisionSource::kNearestMiss:
      return StrCat(text,
                    "No pair is feasible (slo_infeasible): this one misses the SLO by about "
                    "as little as any.\n");
  }
  return text;
}

std::string AskedAndAchieved(const SloRequest& request, const PreparedRequest& prepared,
                             const SloAnswer* answer) {
  const SloLimits& limits = prepared.limits;
  const Compressed& compressed = prepared.compressed;
  const Decision& decision = prepared.decision;
  const auto limit = [](const std::optional<SloBound>& bound, double ms) {
    if (!bound || bound->unit == SloBound::Unit::kMilliseconds) return BoundText(bound);
    return StrCat(BoundText(bound), " = ", Ms(ms), " ms");
  };
  std::string text = Row("", "asked", "predicted", "achieved");
  text += Row("prompt",
              StrCat(PerCentOf(prepared.prompt_permille), " = ",
                     PromptBudget(prepared.prompt_permille, compressed.full_tokens), " tokens"),
              "",
              StrCat(Percent(compressed.prompt_fraction()), " = ", compressed.tokens, " of ",
                     compressed.full_tokens, " tokens"));
  text += Row("context", "", "", StrCat(Percent(compressed.context_fraction()), " of its tokens"));
  text += Row(
      "TTFT", limit(request.slo.ttft, limits.ttft_ms), Ms(decision.predicted.ttft_ms) + " ms",
      answer == nullptr ? ""
                        : StrCat(Ms(answer->ttft_ms), " ms: tiny LM ", Ms(prepared.tlm_ms),
                                 ", selection ", Ms(prepared.selection_ms), ", switch ",
                                 Ms(answer->switch_ms), ", prefill ", Ms(answer->result.ttft_ms)));
  text +=
      Row("TPOT", limit(request.slo.tpot, limits.tpot_ms), Ms(decision.predicted.tpot_ms) + " ms",
          answer == nullptr ? "" : Ms(answer->tpot_ms) + " ms");
  text += Row("outcome", "", decision.feasible ? "feasible" : "slo_infeasible",
              answer == nullptr ? "" : SloOutcomeName(answer->outcome));
  if (compressed.protected_exceed) {
    text += "The protected parts alone exceed what was asked of the prompt: no context is kept.\n";
  }
  return text;
}

}  // namespace elm
