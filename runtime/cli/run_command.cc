#include <chrono>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "formats/base/mapped_file.h"
#include "runtime/cli/command.h"
#include "runtime/cli/interrupt.h"
#include "runtime/cli/memory.h"
#include "runtime/cli/memory_flags.h"
#include "runtime/cli/output.h"
#include "runtime/cli/threads_flag.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {
namespace {

constexpr uint64_t kLargestPromptFile = uint64_t{64} << 20;
constexpr uint32_t kAnyCount = std::numeric_limits<uint32_t>::max();

std::vector<Flag> RunFlags() {
  return {
      {"prompt", 'p', "TEXT", "the text to continue"},
      {"prompt-file", 0, "FILE", "read it from a file; one line end at its end is dropped"},
      {"level", 'l', "NAME", "a level of the bundle's table (default 1.0, the whole model)"},
      {"max-tokens", 'n', "COUNT", "most tokens to generate (default 256)"},
      {"context", 'c', "COUNT", "most tokens to hold, prompt and answer (default: the model's)"},
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
}

Result<std::string> ReadPrompt(const ParsedFlags& flags) {
  const bool from_file = flags.Has("prompt-file");
  if (flags.Has("prompt") == from_file) {
    return InvalidArgument("expected one of --prompt TEXT and --prompt-file FILE");
  }
  if (!from_file) return flags.Text("prompt", "");
  ELM_ASSIGN_OR_RETURN(std::string prompt,
                       ReadFile(flags.Text("prompt-file", ""), kLargestPromptFile));
  if (prompt.ends_with('\n')) prompt.pop_back();
  return prompt;
}

Result<uint32_t> Count(const ParsedFlags& flags, const std::string& name, uint32_t otherwise) {
  ELM_ASSIGN_OR_RETURN(const uint64_t value, flags.Number(name, otherwise, kAnyCount));
  return static_cast<uint32_t>(value);
}

Result<GenerateOptions> ReadOptions(const ParsedFlags& flags) {
  GenerateOptions options;
  ELM_ASSIGN_OR_RETURN(options.max_tokens, Count(flags, "max-tokens", options.max_tokens));
  SamplingOptions& sampling = options.sampling;
  ELM_ASSIGN_OR_RETURN(sampling.temperature, flags.Real("temperature", sampling.temperature));
  ELM_ASSIGN_OR_RETURN(sampling.top_k, Count(flags, "top-k", sampling.top_k));
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
  const nlohmann::ordered_json object = {
      {"text", result.text},
      {"finish", FinishName(result.finish)},
      {"level", LevelName(report.level().name_permille)},
      {"true_share", report.true_share()},
      {"prompt_ids", result.prompt_ids},
      {"ids", result.ids},
      {"open_ms", report.open_ms},
      {"tokenize_ms", result.tokenize_ms},
      {"ttft_ms", result.ttft_ms},
      {"tpot_ms", result.tpot_ms},
      {"level_bytes", report.session.model().bundle().LevelBytes(report.session.level())},
      {"resident_bytes", report.memory.resident},
      {"peak_resident_bytes", report.memory.peak_resident},
  };
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

Status Run(const ParsedFlags& flags) {
  ELM_ASSIGN_OR_RETURN(const std::string path, OnlyArgument(flags, "bundle"));
  ELM_ASSIGN_OR_RETURN(const std::string prompt, ReadPrompt(flags));
  ELM_ASSIGN_OR_RETURN(const GenerateOptions options, ReadOptions(flags));
  ELM_ASSIGN_OR_RETURN(const uint32_t context, Count(flags, "context", 0));
  ELM_ASSIGN_OR_RETURN(const uint32_t threads, ReadThreads(flags));
  ELM_ASSIGN_OR_RETURN(const KvType kv, ReadKv(flags));

  const auto start = std::chrono::steady_clock::now();
  ELM_ASSIGN_OR_RETURN(const auto model, Model::Load(path, {.verify_weights = flags.Has("check"),
                                                            .copy_weights = flags.Has("no-mmap")}));
  ELM_ASSIGN_OR_RETURN(
      const auto session,
      Session::Create(
          model,
          {.level = flags.Text("level", "1.0"), .context = context, .kv = kv, .threads = threads}));
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
      .summary = "continues a prompt at a level of the model",
      .arguments = "[OPTIONS] MODEL.elm",
      .details =
          "Prints the continuation as it is generated, whole characters only. `elm info` lists "
          "the\n"
          "levels. The same options, bundle and machine give the same text. Ctrl-C ends the "
          "answer\n"
          "with what there is; a second one ends the program at once.\n"
          "\n"
          "Examples:\n"
          "  elm run model.elm -p \"Once upon a time\"\n"
          "  elm run model.elm --level 0.5 -p \"Once upon a time\" -n 64 --stats\n"
          "  elm run model.elm -p \"A poem:\" --temperature 0.8 --top-p 0.95 --seed 7\n"
          "  elm run model.elm -p \"Q: What is an elm? A:\" --stop \"Q:\" --stop $'\\n'\n"
          "  elm run model.elm --prompt-file question.txt --json\n",
      .flags = RunFlags(),
      .run = Run,
  };
}

}  // namespace elm
