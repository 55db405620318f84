#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/cli/command.h"
#include "runtime/cli/memory_flags.h"
#include "runtime/cli/output.h"
#include "runtime/cli/slo_engine.h"
#include "runtime/cli/slo_json.h"
#include "runtime/cli/slo_options.h"
#include "runtime/cli/slo_text.h"
#include "runtime/cli/threads_flag.h"

namespace elm {
namespace {

constexpr uint32_t kUsualTokens = 16;

std::vector<Flag> ExplainFlags() {
  std::vector<Flag> flags = SloFlags();
  const std::vector<Flag> more = {
      {"max-tokens", 'n', "COUNT", "tokens of the answer that are reckoned with (default 16)"},
      {"no-answer", 0, "", "decide and shorten only: the LLM is not run, nothing of it measured"},
      {"context-tokens", 'c', "COUNT", "most tokens to hold (default: the model's)"},
      KvFlag(),
      NoMmapFlag(),
      ThreadsFlag(),
      {"colour", 0, "WHEN", "auto (default), always or never"},
      {"json", 0, "", "print one JSON object, every word and every pair in it"},
  };
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

Result<Marking> ReadMarking(const ParsedFlags& flags) {
  const std::string when = flags.Text("colour", "auto");
  if (when == "always") return Marking::kColours;
  if (when == "never") return Marking::kMarkers;
  if (when != "auto") {
    return InvalidArgument("--colour is \"", when, "\", expected auto, always or never");
  }
  // https://no-color.org
  const char* no_colour = std::getenv("NO_COLOR");
  const bool wanted = no_colour == nullptr || *no_colour == '\0';
  return wanted && isatty(STDOUT_FILENO) != 0 ? Marking::kColours : Marking::kMarkers;
}

std::string AsText(const SloRequest& request, const PreparedRequest& prepared,
                   const std::optional<SloAnswer>& answer, const LatencySource& latency,
                   Marking marking) {
  return StrCat(MarkedPrompt(request, prepared, marking), "\n", PairsText(prepared), "\n",
                DecisionText(prepared), "Latencies: ", latency.origin, " (", latency.name, ")",
                latency.reference ? ", not measured here: run `elm calibrate`" : "", ".\n\n",
                AskedAndAchieved(request, prepared, answer ? &*answer : nullptr),
                answer ? StrCat("\n--- answer\n", answer->result.text, "\n") : "");
}

Status Explain(const ParsedFlags& flags) {
  if (!flags.Has("slo")) {
    return InvalidArgument("--slo is missing, expected for example --slo ttft=40%,tpot=70%");
  }
  ELM_ASSIGN_OR_RETURN(const SessionSetup setup, ReadSessionSetup(flags));
  ELM_ASSIGN_OR_RETURN(const Marking marking, ReadMarking(flags));
  GenerateOptions generate;
  ELM_ASSIGN_OR_RETURN(generate.max_tokens, ReadCount(flags, "max-tokens", kUsualTokens));
  ELM_ASSIGN_OR_RETURN(const SloRequest request, ReadSloRequest(flags, generate));
  ELM_ASSIGN_OR_RETURN(const auto engine, SloEngine::Open(setup, flags.Text("latency", "")));
  if (!flags.Has("no-warm-up")) ELM_RETURN_IF_ERROR(engine->WarmUp());

  std::optional<SloAnswer> answer;
  PreparedRequest prepared;
  if (flags.Has("no-answer")) {
    ELM_ASSIGN_OR_RETURN(prepared, engine->orchestrator().Prepare(request));
  } else {
    ELM_ASSIGN_OR_RETURN(answer, engine->orchestrator().Answer(request));
    prepared = answer->prepared;
  }
  if (!flags.Has("json")) {
    return WriteOutput(AsText(request, prepared, answer, engine->latency(), marking));
  }
  nlohmann::ordered_json json = answer ? AnswerJson(request, *answer, engine->latency())
                                       : PreparedJson(request, prepared, engine->latency());
  json["words"] = WordsJson(prepared);
  json["pairs"] = PairsJson(prepared);
  return WriteOutput(json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace

Command ExplainCommand() {
  return {
      .name = "explain",
      .summary = "shows what a request's SLO makes of its prompt, and why",
      .arguments = "--slo BOUNDS [OPTIONS] MODEL.elm",
      .details =
          "Words that were dropped are struck out (or [-marked-] where the output is no "
          "terminal),\n"
          "forced ones bold ({+marked+}), protected lines coloured (or behind a |). Then the time "
          "to\n"
          "the first token that every pair of levels would take, which pair was chosen and why, "
          "and\n"
          "what was asked for beside what was achieved. `elm run --slo` does the same and prints "
          "the\n"
          "answer alone; docs/slo.md explains every figure.\n"
          "\n"
          "Examples:\n"
          "  elm explain model.elm --slo ttft=40%,tpot=70% --context C.txt --question \"Who?\"\n"
          "  elm explain model.elm --slo ttft=300ms --context C.txt --question \"Who?\" "
          "--no-answer\n"
          "  elm explain model.elm --slo tpot=50% --context C.txt --question \"Who?\" --json\n",
      .flags = ExplainFlags(),
      .run = Explain,
  };
}

}  // namespace elm
