// elmc baselines: the published alternatives to elastification on the same questions.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "formats/base/atomic_file.h"
#include "formats/base/hash.h"
#include "formats/workspace/sha256.h"
#include "toolchain/base/error.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/baselines/baselines_text.h"
#include "toolchain/baselines/run_baselines.h"
#include "toolchain/cli/commands.h"
#include "toolchain/cli/config_file.h"
#include "toolchain/cli/eval_questions.h"
#include "toolchain/cli/level_list.h"
#include "toolchain/cli/recover_flags.h"
#include "toolchain/eval/hash_text.h"
#include "toolchain/pipeline/built_in.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/prepare.h"
#include "toolchain/pipeline/recorded_options.h"
#include "toolchain/pipeline/recover_data.h"

namespace elm {
namespace {

constexpr uint32_t kFullLevel = 1000;

std::string Footer() {
  std::string text =
      "Two tables, levels as rows and methods as columns, and elastic minus each, paired question\n"
      "by question: (a) every method as it was published, (b) all of them after the same "
      "recovery.\n"
      "Every method is cut to the same true share of the weights; where its units are too coarse\n"
      "for that, the nearest share is taken and printed. Interrupted, the same command goes on;\n"
      "methods and levels that the JSON file has already are not measured again.\n"
      "\n"
      "Methods (--methods, several separated by commas):\n"
      "  elastic          this project's own: --bundle, or planned and trained as `elmc prepare`\n"
      "                   does\n"
      "  pfs              models trained from scratch: --siblings, or the built-in model's\n";
  for (const BaselineMethod& method : BaselineMethods()) {
    text += StrCat("  ", method.name, std::string(17 - method.name.size(), ' '), method.title,
                   method.recovery == BaselineRecovery::kNever ? "; table (a) only\n" : "\n");
  }
  return text +
         "docs/baselines.md says what each does and where it differs from its paper.\n"
         "\n"
         "Examples:\n"
         "  elmc baselines --json base.json                       pocket-4m, everything\n"
         "  elmc baselines --bundle pocket-4m.elm --count 100 --json base.json\n"
         "  elmc baselines --methods elastic,shortgpt,le --tables b --levels 0.5,0.7\n"
         "  elmc baselines models/stories --data stories.txt --tasks ppl:held_out.txt\n"
         "  elmc report base.json -o base.html                    curves of all of them";
}

struct Flags {
  PrepareOptions prepare;
  RecoverFlags recover;
  QuestionOptions questions;
  std::vector<std::string> methods = {"all"};
  std::vector<std::string> tables = {"a", "b"};
  std::vector<std::string> levels = {"0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"};
  std::vector<std::string> tasks = {"pocket"};
  std::string bundle;
  std::vector<std::string> siblings;
  std::string workspace;
  std::string json;
  std::string config;
  bool quiet = false;
};

std::vector<BaselineTable> ChosenTables(const std::vector<std::string>& names) {
  std::vector<BaselineTable> tables;
  for (const std::string& name : names) {
    const std::optional<BaselineTable> table = ParseBaselineTable(name);
    if (!table) {
      throw Error(InvalidArgument("--tables: \"", name, "\" is none, expected a, b or both"));
    }
    tables.push_back(*table);
  }
  std::sort(tables.begin(), tables.end());
  tables.erase(std::unique(tables.begin(), tables.end()), tables.end());
  return tables;
}

// Below 1.0, which is the model itself and measured anyway.
std::vector<uint32_t> ChosenLevels(const std::vector<std::string>& names) {
  std::vector<uint32_t> levels = ParseLevelList("--levels", names);
  std::erase(levels, kFullLevel);
  std::sort(levels.begin(), levels.end());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  if (levels.empty()) throw Error(InvalidArgument("--levels names no level below 1.0"));
  return levels;
}

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A bar for each piece of work.
class Bars {
 public:
  explicit Bars(bool quiet) : style_(quiet ? Progress::Style::kNone : Progress::DetectStyle()) {}

  void Update(const std::string& label, uint64_t done, uint64_t total, const std::string& note) {
    if (label != label_) {
      bar_.reset();
      bar_.emplace(label, style_);
      label_ = label;
    }
    bar_->Update(done, total, note);
  }
  // A message may be printed.
  void Clear() {
    bar_.reset();
    label_.clear();
  }
  Progress::Style style() const { return style_; }

 private:
  const Progress::Style style_;
  std::string label_;
  std::optional<Progress> bar_;
};

// The elastic model where none is given, or only the calibration windows.
PrepareOptions PrepareElastic(const Flags& flags, const std::vector<uint32_t>& levels,
                              bool with_model, Progress::Style style) {
  PrepareOptions options = flags.prepare;
  // The same bundle whatever levels are asked this time.
  std::set<uint32_t> all(options.levels.begin(), options.levels.end());
  all.insert(levels.begin(), levels.end());
  all.insert(kFullLevel);
  options.levels.assign(all.begin(), all.end());
  options.no_tlm = true;
  options.output = flags.workspace + "/elastic.elm";
  if (!with_model) options.to = "import";
  std::error_code error;
  std::filesystem::create_directories(flags.workspace, error);
  if (error) {
    throw Error(IoError(error.value(), StrCat(flags.workspace, ": cannot make the folder")));
  }
  const PrepareReport report = Prepare(options, style);
  PrepareOptions recorded = RecordedOptions(report.workspace);
  recorded.threads = options.threads;
  recorded.recover.checkpoint_layers = options.recover.checkpoint_layers;
  return recorded;
}

EvalReport Heading(const Flags& flags, RunContext& context, const TaskSet& tasks,
                   std::span<const TextSet> texts) {
  EvalReport heading;
  heading.tool_version = ELM_VERSION;
  heading.model_form = context.checkpoint().form();
  heading.model_hash = HashFiles(context.checkpoint().files());
  heading.conditions = {.engine = "libtorch",
                        .arithmetic = "float32",
                        .split = flags.questions.split,
                        .seed = flags.questions.seed,
                        .count = flags.questions.count,
                        .limit = flags.questions.limit,
                        .drop = DropKindName(DropKind::kNone)};
  heading.families = DescribeFamilies(tasks);
  heading.texts = DescribeTexts(texts);
  return heading;
}

std::string HashWindows(const TokenWindows& windows) {
  return HashText(Hash64(std::as_bytes(std::span(windows.ids))));
}

BaselinesHooks HooksFor(Bars& bars) {
  BaselinesHooks hooks;
  hooks.progress = [&bars](const std::string& label, uint64_t done, uint64_t total,
                           const std::string& note) {
    ThrowIfCancelled();
    bars.Update(label, done, total, note);
  };
  hooks.say = [&bars](const std::string& text) {
    bars.Clear();
    spdlog::info("{}", text);
  };
  hooks.throw_if_cancelled = [] { ThrowIfCancelled(); };
  return hooks;
}

void CheckRecovery(const Flags& flags, const std::vector<BaselineTable>& tables) {
  if (flags.prepare.recover.recovery != Recovery::kNone) return;
  if (tables == std::vector{BaselineTable::kPublished} && !flags.bundle.empty()) return;
  throw Error(
      InvalidArgument("--recover none leaves nothing to compare: table (b) and elastic "
                      "levels need recovery; give --tables a and --bundle with it"));
}

BaselinesReport Measure(const Flags& flags, const std::vector<std::string>& methods,
                        const std::vector<BaselineTable>& tables) {
  const std::vector<uint32_t> levels = ChosenLevels(flags.levels);
  const TaskSpecs specs = ParseTaskSpecs(flags.tasks);
  Bars bars(flags.quiet);
  const bool make_elastic = Contains(methods, kElasticMethod) && flags.bundle.empty();
  const PrepareOptions options = PrepareElastic(flags, levels, make_elastic, bars.style());
  RunContext context(options, options.workspace, bars.style());
  const AskedModel asked{.tokenizer = context.tokenizer(),
                         .generation = context.generation(),
                         .context = context.checkpoint().config().context};
  const TaskSet tasks = LoadTaskSet(flags.questions, specs, asked);
  const std::vector<TextSet> texts = LoadTexts(flags.questions, specs, asked);
  const RecoveryData data = MakeRecoveryData(context);
  const TokenWindows calibration = context.calibration();
  const RecoveryDiet diet{.teacher = context.model(),
                          .examples = *data.examples,
                          .validation = data.validation,
                          .data_hash = Sha256OfString(RecoveryDataKey(context).dump()),
                          .calibration_hash = HashWindows(calibration)};
  const Questions questions{tasks, texts};
  const AnswerRules rules = RulesOf(asked);
  const BaselinesRun run{.model = context.model(),
                         .methods = methods,
                         .tables = tables,
                         .names = levels,
                         .bundle = make_elastic ? options.output : flags.bundle,
                         .siblings = flags.siblings,
                         .checkpoint_sha256 = context.checkpoint_sha256(),
                         .tokenizer_sha256 = ValueOrThrow(Sha256OfFile(context.tokenizer_path())),
                         .calibration = calibration,
                         .calibration_batch = options.batch,
                         .diet = diet,
                         .recover = RecoverOptionsOf(options),
                         .questions = questions,
                         .rules = rules,
                         .heading = Heading(flags, context, tasks, texts),
                         .threads = flags.questions.threads,
                         .seed = options.seed,
                         .workspace = flags.workspace,
                         .json = flags.json};
  const BaselinesHooks hooks = HooksFor(bars);
  return RunBaselines(run, hooks);
}

void Run(Flags flags) {
  const std::vector<std::string> methods = ChooseMethods(flags.methods);
  const std::vector<BaselineTable> tables = ChosenTables(flags.tables);
  ApplyRecoverFlags(flags.recover, flags.prepare);
  CheckRecovery(flags, tables);
  flags.questions.threads = ThreadsOrAll(flags.prepare.threads);
  flags.questions.seed = flags.prepare.seed;
  if (flags.siblings.empty()) flags.siblings = BuiltInSiblings(flags.prepare.checkpoint);
  for (std::string& sibling : flags.siblings) sibling = ResolveCheckpoint(sibling);
  if (flags.workspace.empty()) {
    flags.workspace = (flags.json.empty() ? std::string("baselines") : flags.json) + ".work";
  }
  // A place that cannot be written to is refused before the work, not after it.
  if (!flags.json.empty()) (void)ValueOrThrow(AtomicFile::Create(flags.json));
  const BaselinesReport report = Measure(flags, methods, tables);
  std::printf("%s", BaselinesText(report).c_str());
}

void AddInputFlags(CLI::App& command, Flags& flags) {
  PrepareOptions& options = flags.prepare;
  command.add_option("checkpoint", options.checkpoint,
                     "Hugging Face directory, llama2.c .bin or GGUF file; default: the built-in "
                     "pocket-4m");
  command.add_option("--methods", flags.methods, "all, or some of those below")
      ->delimiter(',')
      ->capture_default_str();
  command
      .add_option("--tables", flags.tables,
                  "a: each as it was published; b: the same recovery for all")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--levels", flags.levels, "true shares of the layers' weights to compare at")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--bundle", flags.bundle,
                     "the elastic model, an .elm file made from the same checkpoint; without it "
                     "one is made as `elmc prepare` does");
  command
      .add_option("--siblings", flags.siblings,
                  "smaller checkpoints with the same tokenizer, for pfs")
      ->delimiter(',');
  command.add_option("--data", options.data,
                     "calibration text, UTF-8, or \"pocket\" for the built-in world's; without it "
                     "the model writes its own");
  command.add_option("--tokenizer", options.tokenizer,
                     "SentencePiece model; for checkpoints that do not carry one");
  command.add_option("--config", flags.config,
                     "TOML file with long flags as keys; the command line wins");
}

void AddTaskFlags(CLI::App& command, Flags& flags) {
  QuestionOptions& questions = flags.questions;
  const std::string group = "Tasks";
  command
      .add_option("--tasks", flags.tasks, "what to ask, as for `elmc eval`: pocket, FILE, ppl:FILE")
      ->capture_default_str()
      ->group(group);
  command.add_option("--split", questions.split, "of the built-in world: train, validation, test")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--count", questions.count,
                  "tasks of each built-in family; of a file, most tasks read, 0 for all")
      ->capture_default_str()
      ->group(group);
  command.add_option("--limit", questions.limit, "ask only the first so many tasks of each family")
      ->group(group);
  command
      .add_flag("--skip-long", questions.skip_long, "leave out tasks that the context cannot hold")
      ->group(group);
}

void AddCalibrationFlags(CLI::App& command, Flags& flags) {
  PrepareOptions& options = flags.prepare;
  const std::string group = "Calibration";
  command
      .add_option("--windows", options.calibration_windows,
                  "windows of text that methods may look at")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--held-out", options.held_out_windows,
                  "windows kept apart, for plans and for picking adapters")
      ->capture_default_str()
      ->group(group);
  command.add_option("--window-tokens", options.window_tokens, "tokens per window")
      ->capture_default_str()
      ->group(group);
  command.add_option("--batch", options.batch, "windows per forward pass; bounds the memory")
      ->capture_default_str()
      ->group(group);
}

void AddRunFlags(CLI::App& command, Flags& flags) {
  PrepareOptions& options = flags.prepare;
  const std::string group = "Run";
  command.add_option("--device", options.device, "cpu, cuda or cuda:N")
      ->capture_default_str()
      ->group(group);
  command.add_option("--threads", options.threads, "0: all cores")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--seed", options.seed, "for everything random, the built-in world's tasks too")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--workspace", flags.workspace,
                  "folder for plans, adapters and predictors; default: the JSON file's name, .work")
      ->group(group);
  command
      .add_option("--json", flags.json,
                  "write what was found, item by item, to this file, and go on from what it has")
      ->group(group);
  command.add_flag("--quiet", flags.quiet, "no progress")->group(group);
}

}  // namespace

void AddBaselinesCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "baselines",
      "Compare with the published ways to make a model smaller, on the same questions");
  const auto flags = std::make_shared<Flags>();
  AddInputFlags(*command, *flags);
  AddTaskFlags(*command, *flags);
  AddCalibrationFlags(*command, *flags);
  AddRecoverFlags(*command, flags->prepare, flags->recover);
  AddRunFlags(*command, *flags);
  command->footer(Footer());
  command->callback([flags, command] {
    if (!flags->config.empty()) ApplyConfigFile(*command, flags->config);
    Run(*flags);
  });
}

}  // namespace elm
