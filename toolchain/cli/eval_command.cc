// elmc eval: how good is a model, at each of its levels?
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "formats/base/atomic_file.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/cli/commands.h"
#include "toolchain/cli/eval_questions.h"
#include "toolchain/cli/eval_subject.h"
#include "toolchain/eval/context_drop.h"
#include "toolchain/eval/eval_report_json.h"
#include "toolchain/eval/eval_report_text.h"
#include "toolchain/eval/evaluate.h"
#include "toolchain/eval/latency.h"
#include "toolchain/eval/task_specs.h"
#include "toolchain/pipeline/built_in.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/progress.h"

namespace elm {
namespace {

constexpr char kFooter[] =
    "Tasks (--tasks, several separated by commas):\n"
    "  pocket             the built-in phone-assistant world, all families of questions\n"
    "  pocket:app,fact    some of its families\n"
    "  FILE.jsonl         questions of your own\n"
    "  NAME:FILE          a public set, read from FILE; `elmc dataset list` names them\n"
    "  ppl:FILE           the loss on a text, in nats per token\n"
    "\n"
    "A question with options is answered by the option whose tokens are most probable on average;\n"
    "one without options by greedy decoding up to the line's end, and must match exactly. Every\n"
    "mean has its standard error; a level is compared with the full one question by question.\n"
    "\n"
    "Examples:\n"
    "  elmc eval model.elm --tasks pocket\n"
    "  elmc eval model.elm --tasks pocket,ppl:wiki.txt --levels 0.5,1.0 --json found.json\n"
    "  elmc eval model.elm --tasks pocket --without-adapters --latency --json all.json\n"
    "  elmc eval model.elm --tasks pocket --drop random --keep 0.5     half of the context's "
    "words\n"
    "  elmc eval models/stories --tasks questions.jsonl --skip-long    a checkpoint, in LibTorch";

struct Flags {
  SubjectOptions subject;
  std::vector<std::string> tasks;
  std::vector<std::string> levels = {"all"};
  std::string split = "test";
  uint64_t seed = 1;
  uint32_t count = 200;
  uint32_t limit = 0;
  std::string drop = "none";
  double keep = 0.5;
  bool keep_given = false;
  uint32_t windows = 64;
  uint32_t window_tokens = 129;
  bool skip_long = false;
  bool without_adapters = false;
  bool latency = false;
  uint32_t latency_repeats = LatencyOptions().repeats;
  uint32_t threads = 0;
  std::string json;
  bool quiet = false;
};

ContextDrop ToDrop(const Flags& flags) {
  const std::optional<DropKind> kind = ParseDropKind(flags.drop);
  if (!kind) {
    throw Error(
        InvalidArgument("--drop is \"", flags.drop, "\", expected one of none, random, unneeded"));
  }
  if (*kind == DropKind::kNone) {
    if (flags.keep_given) {
      throw Error(
          InvalidArgument("--keep says how many words stay when some are dropped; "
                          "give --drop random or --drop unneeded with it"));
    }
    return {};
  }
  if (!(flags.keep > 0 && flags.keep <= 1)) {
    throw Error(InvalidArgument("--keep is ", flags.keep, ", expected above 0 and at most 1"));
  }
  return {.kind = *kind, .keep = flags.keep, .seed = flags.seed};
}

// Ascending indices, each once.
std::vector<size_t> ChosenLevels(const Flags& flags, const LevelTable& table) {
  std::vector<size_t> chosen;
  if (flags.levels == std::vector<std::string>{"all"}) {
    for (size_t level = 0; level < table.levels.size(); ++level) chosen.push_back(level);
    return chosen;
  }
  for (const std::string& name : flags.levels) {
    const Result<size_t> level = FindLevel(table, name);
    ThrowIfError(level.status().In("--levels"));
    chosen.push_back(*level);
  }
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

AskedModel Asked(const EvalSubject& subject) {
  return {.tokenizer = subject.tokenizer(),
          .generation = subject.generation(),
          .context = subject.config().context};
}

QuestionOptions ToQuestions(const Flags& flags) {
  return {.split = flags.split,
          .seed = flags.seed,
          .count = flags.count,
          .limit = flags.limit,
          .skip_long = flags.skip_long,
          .drop = ToDrop(flags),
          .windows = flags.windows,
          .window_tokens = flags.window_tokens,
          .threads = flags.subject.threads};
}

EvalConditions ConditionsOf(const Flags& flags, EvalSubject& subject) {
  const ContextDrop drop = ToDrop(flags);
  return {.engine = subject.engine().name(),
          .arithmetic = subject.arithmetic(),
          .split = flags.split,
          .seed = flags.seed,
          .count = flags.count,
          .limit = flags.limit,
          .drop = DropKindName(drop.kind),
          .keep = drop.keep};
}

// Tokens that a model computes at one level.
size_t TokensOf(const Questions& questions) {
  size_t tokens = 0;
  for (const ScoringRequest& request : questions.tasks.requests) tokens += request.tokens();
  for (const TextSet& text : questions.texts) tokens += text.windows.ids.size();
  return tokens;
}

void PrintSpeed(size_t tokens, std::chrono::duration<double> elapsed) {
  spdlog::info("eval: {} tokens in {}, {:.0f} a second", tokens, FormatSeconds(elapsed.count()),
               static_cast<double>(tokens) / elapsed.count());
}

// Everything of the report but the levels.
EvalReport Describe(const Flags& flags, EvalSubject& subject, const TaskSet& tasks,
                    std::span<const TextSet> texts) {
  EvalReport report;
  report.tool_version = ELM_VERSION;
  report.model_form = subject.form();
  report.model_hash = subject.hash();
  report.conditions = ConditionsOf(flags, subject);
  report.families = DescribeFamilies(tasks);
  report.texts = DescribeTexts(texts);
  return report;
}

// What an earlier run left of the same evaluation: its levels, and perhaps their latency, need not
// be measured again.
EvalReport EarlierReport(const Flags& flags, const EvalReport& report) {
  if (flags.json.empty() || !std::filesystem::exists(flags.json)) return {};
  RefuseOtherSchema(flags.json, kEvalSchema);
  EvalReport earlier;
  try {
    earlier = ReadEvalReport(flags.json);
  } catch (const Error& error) {
    spdlog::warn("{}; it will be replaced", error.what());
    return {};
  }
  // Everything but the scores and the time they took.
  EvalReport described = earlier;
  described.levels.clear();
  described.latency.reset();
  described.machine.reset();
  if (described == report) return earlier;
  spdlog::info("{} holds another evaluation and will be replaced", flags.json);
  return {};
}

const LevelScores* FindLevelScores(const std::vector<LevelScores>& levels, uint32_t name_permille) {
  for (const LevelScores& level : levels) {
    if (level.name_permille == name_permille) return &level;
  }
  return nullptr;
}

void InsertAscending(LevelScores level, std::vector<LevelScores>& levels) {
  const auto place = std::find_if(levels.begin(), levels.end(), [&](const LevelScores& other) {
    return other.name_permille > level.name_permille;
  });
  levels.insert(place, std::move(level));
}

// What `level` takes of the bundle; nothing for a checkpoint.
std::optional<LevelSize> SizeOf(const EvalSubject& subject, size_t level) {
  if (subject.bundle() == nullptr) return std::nullopt;
  const Bundle& bundle = subject.bundle()->bundle();
  const BundleAdapter* adapter = bundle.FindAdapter(level);
  return LevelSize{bundle.LevelBytes(level), adapter == nullptr ? 0 : adapter->plan.size};
}

// Measures what `report` lacks of the chosen levels, and writes it after each piece.
class LevelLoop {
 public:
  LevelLoop(const Flags& flags, EvalSubject& subject, const Questions& questions)
      : flags_(flags), subject_(subject), questions_(questions) {}

  void Run(const std::vector<size_t>& chosen, const std::vector<LevelScores>& earlier,
           EvalReport& report) {
    size_t known_levels = 0;
    std::vector<Pass> passes;
    report.levels = earlier;  // those that are not asked for now stay in the file
    for (const size_t level : chosen) {
      const uint32_t name = subject_.levels().levels[level].name_permille;
      const LevelScores* known = FindLevelScores(earlier, name);
      const std::optional<LevelSize> size = SizeOf(subject_, level);
      if (known == nullptr) {
        passes.push_back({level, /*adapter=*/true});
      } else {
        ++known_levels;
      }
      const bool adapted = size && size->adapter_bytes > 0;
      const bool asked = known != nullptr && known->without_adapter;
      if (flags_.without_adapters && adapted && !asked) passes.push_back({level, false});
    }
    if (known_levels > 0) {
      spdlog::info("{} of {} levels are in {} already", known_levels, chosen.size(), flags_.json);
    }
    Progress bar("eval", flags_.quiet ? Progress::Style::kNone : Progress::DetectStyle());
    const auto start = std::chrono::steady_clock::now();
    for (size_t i = 0; i < passes.size(); ++i) {
      Make(passes[i], report, [&](size_t done, size_t total) {
        ThrowIfCancelled();
        bar.Update(i * total + done, passes.size() * total);
      });
      if (!flags_.json.empty()) WriteEvalReport(flags_.json, report);
    }
    if (flags_.quiet || passes.empty()) return;
    PrintSpeed(TokensOf(questions_) * passes.size(), std::chrono::steady_clock::now() - start);
  }

 private:
  // All questions once, to one level.
  struct Pass {
    size_t level;
    bool adapter;
  };

  void Make(const Pass& pass, EvalReport& report, const ScoringProgress& progress) {
    if (pass.adapter) {
      LevelScores scores =
          Evaluate(subject_.engine(), subject_.config(), subject_.levels(), {&pass.level, 1},
                   questions_, RulesOf(Asked(subject_)), progress)
              .front();
      scores.size = SizeOf(subject_, pass.level);
      InsertAscending(std::move(scores), report.levels);
      return;
    }
    subject_.engine().UseAdapters(false);
    QuestionScores scores =
        AskLevel(subject_.engine(), pass.level, questions_, RulesOf(Asked(subject_)), progress);
    subject_.engine().UseAdapters(true);
    const uint32_t name = subject_.levels().levels[pass.level].name_permille;
    for (LevelScores& level : report.levels) {
      if (level.name_permille == name) level.without_adapter = std::move(scores);
    }
  }

  const Flags& flags_;
  EvalSubject& subject_;
  const Questions questions_;
};

// Times all levels of `report`, in turns, unless `earlier` has done so in the same way. Where
// nobody asked for it, times that `earlier` has of all of them stay.
void AddLatency(const Flags& flags, const EvalSubject& subject, const EvalReport& earlier,
                EvalReport& report) {
  const LatencyOptions options{.repeats = flags.latency_repeats};
  const bool timed = std::all_of(report.levels.begin(), report.levels.end(),
                                 [](const LevelScores& level) { return level.latency; });
  if (timed && earlier.latency &&
      (!flags.latency || (earlier.machine && earlier.latency == options))) {
    report.latency = earlier.latency;
    report.machine = earlier.machine;
    return;
  }
  for (LevelScores& level : report.levels) level.latency.reset();
  if (!flags.latency) {
    if (earlier.latency) {
      spdlog::warn(
          "{}: the new levels are not timed, so the others' times are left out; --latency "
          "times all of them in turns",
          flags.json);
    }
    return;
  }
  std::vector<size_t> levels;
  for (const LevelScores& level : report.levels) {
    levels.push_back(ValueOrThrow(FindLevel(subject.levels(), LevelName(level.name_permille))));
  }
  Progress bar("latency", flags.quiet ? Progress::Style::kNone : Progress::DetectStyle());
  LatencyResult result =
      MeasureLatency(subject.bundle(), levels, options, [&](size_t done, size_t total) {
        ThrowIfCancelled();
        bar.Update(done, total);
      });
  report.latency = options;
  report.machine = std::move(result.machine);
  for (size_t i = 0; i < levels.size(); ++i) report.levels[i].latency = std::move(result.levels[i]);
}

// `report` with the levels that were asked for and no others.
EvalReport OnlyLevels(EvalReport report, const LevelTable& table,
                      const std::vector<size_t>& chosen) {
  std::erase_if(report.levels, [&](const LevelScores& level) {
    return std::none_of(chosen.begin(), chosen.end(), [&](size_t index) {
      return table.levels[index].name_permille == level.name_permille;
    });
  });
  return report;
}

// Measures what is asked for and lacks; writes it to --json beside what is there already, and
// returns what was asked for.
EvalReport Measure(const Flags& flags, const TaskSpecs& specs) {
  EvalSubject subject(flags.subject);
  if (flags.latency && subject.bundle() == nullptr) {
    throw Error(InvalidArgument(flags.subject.model,
                                ": --latency times the runtime, which runs an "
                                ".elm file; make one with `elmc prepare`"));
  }
  if (flags.without_adapters && subject.bundle() == nullptr) {
    throw Error(InvalidArgument(flags.subject.model,
                                ": --without-adapters needs an .elm file: checkpoints have no "
                                "adapters"));
  }
  const std::vector<size_t> chosen = ChosenLevels(flags, subject.levels());
  const TaskSet tasks = LoadTaskSet(ToQuestions(flags), specs, Asked(subject));
  const std::vector<TextSet> texts = LoadTexts(ToQuestions(flags), specs, Asked(subject));
  EvalReport report = Describe(flags, subject, tasks, texts);
  const EvalReport earlier = EarlierReport(flags, report);
  LevelLoop(flags, subject, {tasks, texts}).Run(chosen, earlier.levels, report);
  AddLatency(flags, subject, earlier, report);
  if (!flags.json.empty()) WriteEvalReport(flags.json, report);
  return OnlyLevels(std::move(report), subject.levels(), chosen);
}

void Run(Flags flags) {
  flags.subject.threads = ThreadsOrAll(flags.threads);
  flags.subject.model = ResolveCheckpoint(flags.subject.model);
  const TaskSpecs specs = ParseTaskSpecs(flags.tasks);
  (void)ToDrop(flags);
  // A place that cannot be written to is refused before the work, not after it.
  if (!flags.json.empty()) (void)ValueOrThrow(AtomicFile::Create(flags.json));
  std::printf("%s", EvalReportText(Measure(flags, specs)).c_str());
}

void AddTaskFlags(CLI::App& command, Flags& flags) {
  const std::string group = "Tasks";
  command.add_option("--tasks", flags.tasks, "what to ask, see below")->required()->group(group);
  command.add_option("--split", flags.split, "of the built-in world: train, validation, test")
      ->capture_default_str()
      ->group(group);
  command.add_option("--seed", flags.seed, "of the built-in world, and of dropped words")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--count", flags.count,
                  "tasks of each built-in family; of a file, most tasks read, 0 for all")
      ->capture_default_str()
      ->group(group);
  command.add_option("--limit", flags.limit, "ask only the first so many tasks of each family")
      ->group(group);
  command
      .add_option("--drop", flags.drop,
                  "words of the context to leave out: none, random ones, or those that the answer "
                  "does not need (unneeded)")
      ->capture_default_str()
      ->group(group);
  command.add_option("--keep", flags.keep, "share of the context's words that --drop leaves")
      ->capture_default_str()
      ->group(group);
  command.add_flag("--skip-long", flags.skip_long, "leave out tasks that the context cannot hold")
      ->group(group);
  command.add_option("--windows", flags.windows, "windows of each text")
      ->capture_default_str()
      ->group(group);
  command.add_option("--window-tokens", flags.window_tokens, "tokens per window")
      ->capture_default_str()
      ->group(group);
}

void AddRunFlags(CLI::App& command, Flags& flags) {
  SubjectOptions& subject = flags.subject;
  const std::string group = "Run";
  command
      .add_option(
          "--engine", subject.engine,
          "libtorch, which is faster, or runtime, which the device runs; the scores are equal")
      ->capture_default_str()
      ->group(group);
  command.add_option("--dtype", subject.dtype, "LibTorch's arithmetic: float32 or bfloat16")
      ->capture_default_str()
      ->group(group);
  command.add_option("--device", subject.device, "LibTorch's: cpu, cuda or cuda:N")
      ->capture_default_str()
      ->group(group);
  command.add_option("--threads", flags.threads, "0: all cores")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--batch", subject.batch, "tasks that LibTorch computes together on each thread")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--tokenizer", subject.tokenizer,
                  "SentencePiece model; for checkpoints that do not carry one")
      ->group(group);
  command
      .add_flag("--latency", flags.latency,
                "also time the runtime at each level: time to first token, time per output token; "
                "with and without adapter, beside what the machine can do")
      ->group(group);
  command
      .add_option("--latency-repeats", flags.latency_repeats,
                  "rounds, in each of which all levels take turns")
      ->capture_default_str()
      ->group(group);
  command
      .add_flag("--without-adapters", flags.without_adapters,
                "ask levels that have an adapter a second time without it: what does it bring?")
      ->group(group);
  command.add_option("--json", flags.json, "write what was found, item by item, to this file")
      ->group(group);
  command.add_flag("--quiet", flags.quiet, "no progress")->group(group);
}

}  // namespace

void AddEvalCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("eval", "Measure accuracy and loss at every level");
  const auto flags = std::make_shared<Flags>();
  command
      ->add_option("model", flags->subject.model,
                   "an .elm file, a checkpoint, or a built-in model's name")
      ->required();
  command
      ->add_option("--levels", flags->levels, "names of the level table, or all; ascending anyway")
      ->delimiter(',')
      ->capture_default_str();
  AddTaskFlags(*command, *flags);
  AddRunFlags(*command, *flags);
  command->footer(kFooter);
  command->callback([flags, command] {
    flags->keep_given = command->get_option("--keep")->count() > 0;
    Run(*flags);
  });
}

}  // namespace elm
