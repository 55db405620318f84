#include <chrono>
#include <cstdio>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>

#include "formats/json/json_object.h"
#include "runtime/cli/command.h"
#include "runtime/cli/interrupt.h"
#include "runtime/cli/memory.h"
#include "runtime/cli/memory_flags.h"
#include "runtime/cli/output.h"
#include "runtime/cli/slo_engine.h"
#include "runtime/cli/slo_json.h"
#include "runtime/cli/slo_options.h"
#include "runtime/cli/slo_text.h"
#include "runtime/cli/threads_flag.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {
namespace {

std::vector<Flag> RunFlags() {
  std::vector<Flag> flags = {
      {"prompt", 'p', "TEXT", "the text to continue"},
      {"prompt-file", 0, "FILE", "read it from a file; one line end at its end is dropped"},
      {"level", 'l', "NAME", "a level of the bundle's table (default 1.0, the whole model)"},
      {"max-tokens", 'n', "COUNT", "most tokens to generate (default 256)"},
      {"context-tokens", 'c', "COUNT",
       "most tokens to hold, prompt and answer (default: the model's)"},
      KvFlag(),
      NoMmapFlag(),
      ThreadsFlag(),
      {"temperature", 0, "T", "0 takes the most probable token (default), 1 samples as trained"},
      {"top-k", 0, "COUNT", "sample from the COUNT most probable tokens only (default 0: all)"},
      {"top-p", 0, "P", "then from the fewest whose probability reaches P (default 1: all)"},
      {"min-p", 0, "P", "then from those at least P times as probable as the best (default 0)"},
      {"seed", 's', "NUMBER", "of the random numbers (default 0)"},
      {"stop", 0, "TEXT", "end before TEXT; may be given more than once", /*repeats=*/true},
      {"ignore-stop", 0, "", "do not end at the model's stop tokens"},
      {"echo", 0, "", "print the prompt, too"},
      {"json", 0, "", "print one JSON object instead of the text as it comes"},
      {"stats", 0, "", "print times and memory to standard error at the end"},
      {"check", 0, "", "verify every checksum of the bundle first"},
  };
  const std::vector<Flag> slo_flags = SloFlags();
  flags.insert(flags.end(), slo_flags.begin(), slo_flags.end());
  return flags;
}

Result<std::string> ReadPrompt(const ParsedFlags& flags) {
  const bool from_file = flags.Has("prompt-file");
  if (flags.Has("prompt") == from_file) {
    return InvalidArgument("expected one of --prompt TEXT and --prompt-file FILE");
  }
  if (!from_file) return flags.Text("prompt", "");
  return ReadPromptFile(flags.Text("prompt-file", ""));
}

Result<GenerateOptions> ReadOptions(const ParsedFlags& flags) {
  GenerateOptions options;
  ELM_ASSIGN_OR_RETURN(options.max_tokens, ReadCount(flags, "max-tokens", options.max_tokens));
  SamplingOptions& sampling = options.sampling;
  ELM_ASSIGN_OR_RETURN(sampling.temperature, flags.Real("temperature", sampling.temperature));
  ELM_ASSIGN_OR_RETURN(sampling.top_k, ReadCount(flags, "top-k", sampling.top_k));
  ELM_ASSIGN_OR_RETURN(sampling.top_p, flags.Real("top-p", sampling.top_p));
  ELM_ASSIGN_OR_RETURN(sampling.min_p, flags.Real("min-p", sampling.min_p));
  ELM_ASSIGN_OR_RETURN(sampling.seed,
                       flags.Number("seed", 0, std::numeric_limits<uint64_t>::max()));
  options.stop_texts = flags.Texts("stop");
  options.ignore_stop = flags.Has("ignore-stop");
  ELM_RETURN_IF_ERROR(Validate(sampling));
  return options;
}

// An answer and what it took.
struct Report {
  const Session& session;
  const GenerateResult& result;
  double open_ms;
  ProcessMemory memory;

  const Level& level() const { return session.model().levels().levels[session.level()]; }
  double true_share() const { return TrueShare(session.model().config(), level()); }
};

std::string AsJson(const Report& report) {
  const GenerateResult& result = report.result;
  const nlohmann::ordered_json object =
      JsonObject()
          .Text("text", result.text)
          .Text("finish", FinishName(result.finish))
          .Text("level", LevelName(report.level().name_permille))
          .Number("true_share", report.true_share())
          .Value("prompt_ids", result.prompt_ids)
          .Value("ids", result.ids)
          .Number("open_ms", report.open_ms)
          .Number("tokenize_ms", result.tokenize_ms)
          .Number("ttft_ms", result.ttft_ms)
          .Number("tpot_ms", result.tpot_ms)
          .Count("level_bytes", report.session.model().bundle().LevelBytes(report.session.level()))
          .Count("resident_bytes", report.memory.resident)
          .Count("peak_resident_bytes", report.memory.peak_resident)
          .Take();
  return object.dump() + "\n";
}

void PrintStats(const Report& report) {
  const GenerateResult& result = report.result;
  const double mebibyte = 1 << 20;
  std::fprintf(stderr,
               "level %s (true share %.1f %%), %zu prompt tokens, %zu generated, finish: %s\n"
               "open %.2f ms, tokenize %.2f ms, TTFT %.2f ms, TPOT %.3f ms\n"
               "resident memory %.1f MiB, at most %.1f MiB\n",
               LevelName(report.level().name_permille).c_str(), 100 * report.true_share(),
               result.prompt_ids.size(), result.ids.size(), FinishName(result.finish),
               report.open_ms, result.tokenize_ms, result.ttft_ms, result.tpot_ms,
               static_cast<double>(report.memory.resident) / mebibyte,
               static_cast<double>(report.memory.peak_resident) / mebibyte);
}

// Streams the text unless a JSON object comes at the end.
Result<GenerateResult> Stream(Session& session, const std::string& prompt,
                              const GenerateOptions& options, const ParsedFlags& flags) {
  const bool json = flags.Has("json");
  Status written;
  if (flags.Has("echo") && !json) written = WriteOutput(prompt);
  const auto sink = [&](std::string_view text) {
    if (!json && written.ok()) written = WriteOutput(text);
    return written.ok() && !Interrupted();
  };
  ELM_ASSIGN_OR_RETURN(GenerateResult result, Generate(session, prompt, options, sink));
  if (!json && written.ok()) written = WriteOutput("\n");
  ELM_RETURN_IF_ERROR(written);
  return result;
}

Status RefuseFlags(const ParsedFlags& flags, std::initializer_list<const char*> names,
                   const char* why) {
  for (const char* name : names) {
    if (flags.Has(name)) return InvalidArgument("--", name, why);
  }
  return Status::Ok();
}

// The request's parts and SLO decide about prompt and level.
Status RunWithSlo(const ParsedFlags& flags) {
  ELM_RETURN_IF_ERROR(RefuseFlags(flags, {"prompt", "prompt-file", "echo"},
                                  " does not go with --slo, which takes the prompt in parts: "
                                  "--system, --instructions, --context, --question"));
  ELM_RETURN_IF_ERROR(
      RefuseFlags(flags, {"level"}, " does not go with --slo, which chooses the level"));
  ELM_ASSIGN_OR_RETURN(const SessionSetup setup, ReadSessionSetup(flags));
  ELM_ASSIGN_OR_RETURN(const GenerateOptions options, ReadOptions(flags));
  ELM_ASSIGN_OR_RETURN(const SloRequest request, ReadSloRequest(flags, options));
  ELM_ASSIGN_OR_RETURN(const auto engine, SloEngine::Open(setup, flags.Text("latency", "")));
  if (!flags.Has("no-warm-up")) ELM_RETURN_IF_ERROR(engine->WarmUp());

  CatchInterrupts();
  const bool json = flags.Has("json");
  Status written;
  const auto sink = [&](std::string_view text) {
    if (!json && written.ok()) written = WriteOutput(text);
    return written.ok() && !Interrupted();
  };
  ELM_ASSIGN_OR_RETURN(const SloAnswer answer, engine->orchestrator().Answer(request, sink));
  if (json) {
    const auto object = AnswerJson(request, answer, engine->latency());
    written =
        WriteOutput(object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  } else if (written.ok()) {
    written = WriteOutput("\n");
    std::fputs(AnswerLine(answer, engine->latency()).c_str(), stderr);
    if (flags.Has("stats")) {
      std::fputs(AskedAndAchieved(request, answer.prepared, &answer).c_str(), stderr);
    }
  }
  ELM_RETURN_IF_ERROR(written);
  if (!Interrupted()) return Status::Ok();
  return {StatusCode::kCancelled, StrCat("stopped after ", answer.result.ids.size(), " tokens")};
}

// --context was the number of tokens to hold before it became a file of the prompt.
Result<uint32_t> ReadContextTokens(const ParsedFlags& flags) {
  if (!flags.Has("context") || flags.Has("context-tokens")) {
    return ReadCount(flags, "context-tokens", 0);
  }
  ELM_ASSIGN_OR_RETURN(const uint32_t tokens, ReadCount(flags, "context", 0));
  std::fputs("elm: --context COUNT is --context-tokens COUNT now\n", stderr);
  return tokens;
}

Status Run(const ParsedFlags& flags) {
  if (flags.Has("slo")) return RunWithSlo(flags);
  ELM_RETURN_IF_ERROR(
      RefuseFlags(flags, {"latency", "system", "instructions", "question", "force", "no-warm-up"},
                  " goes with --slo, for example --slo ttft=40%,tpot=70%"));
  ELM_ASSIGN_OR_RETURN(SessionSetup setup, ReadSessionSetup(flags));
  ELM_ASSIGN_OR_RETURN(setup.context, ReadContextTokens(flags));
  ELM_ASSIGN_OR_RETURN(const std::string prompt, ReadPrompt(flags));
  ELM_ASSIGN_OR_RETURN(const GenerateOptions options, ReadOptions(flags));

  const auto start = std::chrono::steady_clock::now();
  ELM_ASSIGN_OR_RETURN(const auto model,
                       Model::Load(setup.path, {.verify_weights = setup.verify_weights,
                                                .copy_weights = setup.copy_weights}));
  ELM_ASSIGN_OR_RETURN(const auto session,
                       Session::Create(model, {.level = flags.Text("level", "1.0"),
                                               .context = setup.context,
                                               .kv = setup.kv,
                                               .threads = setup.threads}));
  const std::chrono::duration<double, std::milli> opened = std::chrono::steady_clock::now() - start;
  model->bundle().AdviseLevel(session->level());

  CatchInterrupts();
  ELM_ASSIGN_OR_RETURN(GenerateResult result, Stream(*session, prompt, options, flags));
  if (flags.Has("echo")) result.text.insert(0, prompt);
  const Report report{*session, result, opened.count(), MeasureMemory()};
  if (flags.Has("json")) ELM_RETURN_IF_ERROR(WriteOutput(AsJson(report)));
  if (flags.Has("stats")) PrintStats(report);
  if (!Interrupted()) return Status::Ok();
  return {StatusCode::kCancelled, StrCat("stopped after ", result.ids.size(), " tokens")};
}

}  // namespace

Command RunCommand() {
  return {
      .name = "run",
      .summary = "continues a prompt at a level of the model, or within an SLO",
      .arguments = "[OPTIONS] MODEL.elm",
      .details =
          "Prints the continuation as it is generated, whole characters only. `elm info` lists "
          "the\n"
          "levels. The same options, bundle and machine give the same text. Ctrl-C ends the "
          "answer\n"
          "with what there is; a second one ends the program at once.\n"
          "\n"
          "With --slo the prompt comes in parts, and the level is chosen for it: the tiny LM of "
          "the\n"
          "bundle scores the context's words and says which sizes will do, what the latency table "
          "rules\n"
          "out is ruled out, the context is shortened, and the answer comes within the bounds. "
          "Per cent\n"
          "are of what the full model takes on the full prompt. A line on standard error says how "
          "it\n"
          "went: met, missed, or slo_infeasible where no pair of sizes can meet them (answered all "
          "the\n"
          "same, as near as it goes). `elm calibrate` makes the table, `elm explain` shows the "
          "choice.\n"
          "\n"
          "Examples:\n"
          "  elm run model.elm -p \"Once upon a time\"\n"
          "  elm run model.elm --level 0.5 -p \"Once upon a time\" -n 64 --stats\n"
          "  elm run model.elm -p \"A poem:\" --temperature 0.8 --top-p 0.95 --seed 7\n"
          "  elm run model.elm -p \"Q: What is an elm? A:\" --stop \"Q:\" --stop $'\\n'\n"
          "  elm run model.elm --prompt-file question.txt --json\n"
          "  elm run model.elm --slo ttft=40%,tpot=70% --context C.txt --question \"Who called?\"\n"
          "  elm run model.elm --slo ttft=300ms,tpot=40ms --system S.txt --context A.txt \\\n"
          "      --context B.txt --question \"Who called?\" --force Anna --json\n",
      .flags = RunFlags(),
      .run = Run,
  };
}

}  // namespace elm
