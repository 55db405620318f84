// elmc trace run: plays traces, on this machine's clock and in a big LLM's economics.
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "formats/base/atomic_file.h"
#include "formats/base/hash.h"
#include "formats/model/latency_json.h"
#include "runtime/kernels/kernels.h"
#include "runtime/orchestrator/identity.h"
#include "runtime/orchestrator/orchestrator.h"
#include "runtime/tlm/prompt_reader.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/cli/eval_questions.h"
#include "toolchain/cli/eval_subject.h"
#include "toolchain/cli/trace_baselines.h"
#include "toolchain/cli/trace_commands.h"
#include "toolchain/eval/hash_text.h"
#include "toolchain/pipeline/built_in.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/progress.h"
#include "toolchain/tlm/label_cube.h"
#include "toolchain/trace/make_trace.h"
#include "toolchain/trace/play_device.h"
#include "toolchain/trace/play_economics.h"
#include "toolchain/trace/trace_file.h"
#include "toolchain/trace/trace_results_json.h"
#include "toolchain/trace/trace_text.h"

namespace elm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kReference = "reference";
constexpr auto kBetweenWrites = std::chrono::seconds(20);

constexpr char kFooter[] =
    "Two set-ups, each when its table is given:\n"
    "  --latency FILE     (a) all real: the bundle and its tiny LM on this machine's clock, under\n"
    "                     the table that `elm calibrate` measured here\n"
    "  --economics FILE   (b) a big LLM's economics: answers by this bundle, latencies by a table\n"
    "                     that was measured on a model of that size; \"reference\" is the one\n"
    "                     that elmc brings along\n"
    "\n"
    "A request on the clock is: tiny LM, selection, switch, prefill, 16 greedy tokens; options "
    "are\n"
    "scored off the clock from the same state. SLO met: of the requests for which some pair of\n"
    "levels was feasible. With --json an interrupted run goes on where it stopped.\n"
    "\n"
    "Examples:\n"
    "  elm calibrate model.elm -o device.lat.json\n"
    "  elmc trace run model.elm --trace trace.json --latency device.lat.json\n"
    "  elmc trace run model.elm --alphas -0.25,0,0.25 --seeds 1,2,3 --economics reference \\\n"
    "      --baselines base.json --json out.json\n"
    "  elmc report out.json -o report.html";

struct Flags {
  SubjectOptions subject;
  std::vector<std::string> traces;
  std::vector<double> alphas;
  std::vector<uint64_t> seeds = {1};
  MakeTraceOptions make;
  std::string latency;
  std::string economics;
  TraceBaselineFiles baselines;
  bool oracle = false;
  uint32_t threads = 0;
  uint32_t device_threads = 0;
  std::string json;
  bool quiet = false;
};

std::vector<Trace> TracesOf(const Flags& flags) {
  if (flags.traces.empty() == flags.alphas.empty()) {
    throw Error(InvalidArgument(
        "give the traces to play: either --trace FILE, or --alphas and --seeds to make some"));
  }
  std::vector<Trace> traces;
  for (const std::string& path : flags.traces) traces.push_back(ReadTrace(path));
  for (const double alpha : flags.alphas) {
    for (const uint64_t seed : flags.seeds) {
      MakeTraceOptions options = flags.make;
      options.alpha = alpha;
      options.seed = seed;
      traces.push_back(MakeTrace(options));
    }
  }
  return traces;
}

std::string HashOf(const std::vector<Trace>& traces) {
  Hasher64 hasher;
  for (const Trace& trace : traces) {
    const std::string text = ToJson(trace).dump();
    hasher.Update(std::as_bytes(std::span(text)));
  }
  return HashText(hasher.Digest());
}

// Tasks that any of the traces draws from, each once.
std::vector<Task> AllTasks(const std::vector<Trace>& traces) {
  std::vector<Task> tasks;
  std::set<uint64_t> known;
  for (const Trace& trace : traces) {
    for (const Task& task : trace.tasks) {
      if (known.insert(HashTask(task)).second) tasks.push_back(task);
    }
  }
  return tasks;
}

// The results' file: what an earlier run left, and when to write the next state.
class ResultsFile {
 public:
  ResultsFile(std::string path, TraceResults heading) : path_(std::move(path)) {
    results_ = std::move(heading);
    if (path_.empty()) return;
    // A place that cannot be written to is refused before the work, not after it.
    (void)ValueOrThrow(AtomicFile::Create(path_));
    if (!std::filesystem::exists(path_)) return;
    RefuseOtherSchema(path_, kTraceResultsSchema);
    try {
      TraceResults earlier = ReadTraceResults(path_);
      if (earlier.bundle_hash == results_.bundle_hash) {
        // What is not played this time stays as it is.
        if (earlier.traces_hash == results_.traces_hash) {
          results_.device = earlier.device;
          results_.economics = earlier.economics;
        }
        earlier_ = std::move(earlier);
      } else {
        spdlog::info("{} is about another bundle and will be replaced", path_);
      }
    } catch (const Error& error) {
      spdlog::warn("{}; it will be replaced", error.what());
    }
  }

  TraceResults& results() { return results_; }
  const std::optional<TraceResults>& earlier() const { return earlier_; }

  // Whether it is time to write once more.
  bool due() const { return !path_.empty() && Clock::now() - written_ > kBetweenWrites; }
  void Keep() {
    if (due()) Write();
  }
  void Write() {
    if (path_.empty()) return;
    WriteTraceResults(path_, results_);
    written_ = Clock::now();
  }

 private:
  const std::string path_;
  TraceResults results_;
  std::optional<TraceResults> earlier_;
  Clock::time_point written_ = Clock::now();
};

// The results' file replaces what is there; it must not be what they are made from.
void CheckOutput(const Flags& flags) {
  if (flags.json.empty()) return;
  std::vector<std::string> inputs = flags.traces;
  inputs.insert(inputs.end(), {flags.subject.model, flags.latency, flags.economics,
                               flags.baselines.baselines, flags.baselines.predictors});
  for (const std::string& input : inputs) {
    std::error_code ignored;
    if (!input.empty() && std::filesystem::equivalent(input, flags.json, ignored)) {
      throw Error(InvalidArgument("--json ", flags.json,
                                  ": would be overwritten, and is read; choose another name"));
    }
  }
}

class Run {
 public:
  Run(const Flags& flags, std::vector<Trace> traces)
      : flags_(flags),
        traces_(std::move(traces)),
        subject_(flags.subject),
        file_(flags.json, {.tool_version = ELM_VERSION,
                           .bundle_hash = subject_.hash(),
                           .traces_hash = HashOf(traces_)}) {
    if (subject_.bundle() == nullptr) {
      throw Error(InvalidArgument(flags.subject.model,
                                  ": a trace is played on an .elm file with a tiny LM; make one "
                                  "with `elmc prepare`"));
    }
    if (!view().tlm) {
      throw Error(InvalidArgument(flags.subject.model,
                                  ": has no tiny LM, which decides under an SLO; make a bundle "
                                  "with one by `elmc prepare --tasks`"));
    }
  }

  void Play() {
    if (!flags_.latency.empty()) PlayOnDevice();
    if (!flags_.economics.empty()) PlayByTable();
    file_.Write();
    std::printf("%s", TraceResultsText(file_.results()).c_str());
  }

 private:
  const BundleView& view() const { return subject_.bundle()->bundle().view(); }
  const TlmSettings& settings() const { return view().tlm->settings; }

  std::unique_ptr<Progress> NewProgress(const std::string& label) const {
    return std::make_unique<Progress>(
        label, flags_.quiet ? Progress::Style::kNone : Progress::DetectStyle());
  }

  // The same as `elm run` opens.
  void PlayOnDevice() {
    const uint32_t threads = ThreadsOrAll(flags_.device_threads);
    const std::shared_ptr<const Model> model = subject_.bundle();
    const Session::Options options{.kv = KvType::kF16, .threads = threads};
    const auto session = ValueOrThrow(Session::Create(model, options));
    const std::unique_ptr<PromptReader> reader = NewReader(threads);
    const std::unique_ptr<Llm> llm = ValueOrThrow(MakeSessionLlm(*session));
    const LatencyTable table = ValueOrThrow(ReadLatencyFile(flags_.latency));
    const std::string device = DeviceName(*ValueOrThrow(ChooseKernels()), threads, options.kv);
    ThrowIfError(CheckTableFits(table, view(), device, flags_.latency));
    Orchestrator orchestrator(ValueOrThrow(ConfigOf(model->bundle(), table)), *llm, reader.get());

    DeviceResults& results = file_.results().device.emplace();
    results.table = table.name;
    results.table_hash = HashFiles({flags_.latency});
    // What was played of the same traces by the same table stays.
    const auto& earlier = file_.earlier();
    if (earlier && earlier->device && earlier->traces_hash == file_.results().traces_hash &&
        earlier->device->table_hash == results.table_hash) {
      results.traces = earlier->device->traces;
    }
    const std::unique_ptr<Progress> progress = NewProgress("device");
    PlayOnClock({.traces = traces_,
                 .orchestrator = orchestrator,
                 .session = *session,
                 .encode = Encoder(),
                 .bos = Bos(),
                 .rules = Rules(),
                 .output_tokens = results.output_tokens},
                {.progress =
                     [&](size_t done, size_t total) {
                       ThrowIfCancelled();
                       progress->Update(done, total);
                     },
                 .measured = [&] { file_.Keep(); }},
                results);
    file_.Write();
  }

  void PlayByTable() {
    EconomicsResults results;
    OrchestratorConfig config = ValueOrThrow(
        ConfigOf(subject_.bundle()->bundle(), ValueOrThrow(ReadLatencyFile(flags_.economics))));
    config.follow_drift = false;  // what counts is the table's time, not this machine's
    CheckConfig(config);
    const TraceBaselines baselines(flags_.baselines, AllTasks(traces_),
                                   {.rules = Rules(),
                                    .encode = Encoder(),
                                    .bos = Bos(),
                                    .batch = flags_.subject.batch,
                                    .threads = flags_.subject.threads});
    results.table = config.table.name;
    results.table_hash = HashFiles({flags_.economics});
    results.baselines_hash = baselines.hash();
    results.engine = subject_.engine().name();
    TakeEarlierAnswers(results);
    const auto session = ValueOrThrow(Session::Create(subject_.bundle(), {.threads = 1}));
    const std::unique_ptr<Llm> llm = ValueOrThrow(MakeSessionLlm(*session));
    const std::unique_ptr<PromptReader> reader = NewReader(1);
    const EconomicsInputs inputs = {
        .traces = traces_,
        .planner = {.config = config,
                    .llm = *llm,
                    .reader = *reader,
                    .output_tokens = results.output_tokens},
        .scoring = Scoring(),
        .engine_levels = EngineLevels(),
        .baselines = baselines.rows(),
        .sparse = baselines.sparse(),
        .oracle = flags_.oracle,
    };
    std::string label;
    std::unique_ptr<Progress> progress;
    const EconomicsHooks hooks = {.progress =
                                      [&](const std::string& now, size_t done, size_t total) {
                                        ThrowIfCancelled();
                                        if (now != label) progress = NewProgress(label = now);
                                        progress->Update(done, total);
                                      },
                                  .measured =
                                      [&](const EconomicsResults& so_far) {
                                        if (!file_.due()) return;
                                        file_.results().economics = so_far;
                                        file_.Write();
                                      }};
    PlayEconomics(inputs, hooks, results);
    file_.results().economics = std::move(results);
  }

  // What the same bundle answered before, as far as the same was asked.
  void TakeEarlierAnswers(EconomicsResults& results) const {
    const auto& earlier = file_.earlier();
    if (!earlier || !earlier->economics) return;
    if (earlier->economics->engine != results.engine) return;
    results.cases = earlier->economics->cases;
    const bool same_table = earlier->economics->table_hash == results.table_hash;
    const bool same_baselines = earlier->economics->baselines_hash == results.baselines_hash;
    for (TraceCase& one : results.cases) {
      // The tiny LM is told bounds in ms as shares of the table's times.
      const bool in_ms = one.slo.find("ms") != std::string::npos;
      if (in_ms && !same_table) one.cells = one.reworded = one.sparse = {};
      if (!same_baselines) one.sparse = {};
    }
  }

  std::unique_ptr<PromptReader> NewReader(uint32_t threads) const {
    const auto bundle = ValueOrThrow(Bundle::Open(flags_.subject.model));
    return MakePromptReader(ValueOrThrow(TinyLm::Create(bundle, threads)));
  }

  EncodeText Encoder() const {
    const Tokenizer& tokenizer = subject_.tokenizer();
    return [&tokenizer](std::string_view text) { return tokenizer.Encode(text); };
  }

  std::optional<uint32_t> Bos() const {
    const GenerationConfig& generation = subject_.generation();
    const bool wanted = generation.add_bos && generation.bos_id != layout::kNoToken;
    return wanted ? std::optional(generation.bos_id) : std::nullopt;
  }

  AnswerRules Rules() const {
    return RulesOf({.tokenizer = subject_.tokenizer(),
                    .generation = subject_.generation(),
                    .context = subject_.config().context});
  }

  AnswerScoring Scoring() {
    return {.engine = subject_.engine(), .rules = Rules(), .encode = Encoder(), .bos = Bos()};
  }

  // The table must know the levels that the tiny LM decides among, and fallbacks their accuracy.
  void CheckConfig(const OrchestratorConfig& config) const {
    if (config.table.level_permille != config.grid.model_permille) {
      throw Error(InvalidArgument(flags_.economics, ": has ", config.table.level_permille.size(),
                                  " levels that are not the ", config.grid.model_permille.size(),
                                  " that the tiny LM decides among; measure the table on a bundle "
                                  "with the same level shares (`elmc synth`, `elm calibrate`)"));
    }
    if (config.accuracy && config.accuracy->prompt_levels_permille == config.grid.prompt_permille &&
        config.accuracy->model_levels_permille == config.grid.model_permille) {
      return;
    }
    throw Error(InvalidArgument(flags_.subject.model,
                                ": holds no measured accuracy of the pairs of levels, which "
                                "fallbacks need; make it again with `elmc prepare --tasks`"));
  }

  std::vector<size_t> EngineLevels() const {
    std::vector<size_t> levels;
    for (const uint32_t name : settings().model_levels_permille) {
      levels.push_back(ValueOrThrow(FindLevel(subject_.levels(), LevelName(name))));
    }
    return levels;
  }

  const Flags& flags_;
  std::vector<Trace> traces_;
  EvalSubject subject_;
  ResultsFile file_;
};

void RunTraces(Flags flags) {
  if (flags.latency.empty() && flags.economics.empty()) {
    throw Error(InvalidArgument(
        "give --latency FILE, --economics FILE or both; --help says what each plays"));
  }
  if (flags.economics == kReference) flags.economics = SharedFile(kReferenceLatency);
  flags.subject.threads = ThreadsOrAll(flags.threads);
  CheckOutput(flags);
  Run(flags, TracesOf(flags)).Play();
}

void AddTraceFlags(CLI::App& command, Flags& flags) {
  const std::string group = "Traces";
  command.add_option("--trace", flags.traces, "what `elmc trace make` wrote; one or several")
      ->delimiter(',')
      ->group(group);
  command.add_option("--alphas", flags.alphas, "instead: make traces, one for each alpha and seed")
      ->delimiter(',')
      ->group(group);
  command.add_option("--seeds", flags.seeds, "of the traces that are made")
      ->delimiter(',')
      ->capture_default_str()
      ->group(group);
  command.add_option("--count", flags.make.count, "requests of each trace that is made")
      ->capture_default_str()
      ->group(group);
  command.add_option("--pool", flags.make.tasks.count, "tasks of each family to draw from")
      ->capture_default_str()
      ->group(group);
  command.add_option("--split", flags.make.tasks.split, "of the built-in world's tasks")
      ->capture_default_str()
      ->group(group);
  command.add_option("--task-seed", flags.make.tasks.seed, "of the built-in world's tasks")
      ->capture_default_str()
      ->group(group);
}

void AddSetupFlags(CLI::App& command, Flags& flags) {
  const std::string group = "Set-ups";
  command.add_option("--latency", flags.latency, "(a) this device's table")->group(group);
  command.add_option("--economics", flags.economics, "(b) a big LLM's table, or reference")
      ->group(group);
  AddTraceBaselineFlags(command, group, flags.baselines);
  command
      .add_flag("--oracle", flags.oracle,
                "(b) also the oracle that chooses by another wording of each task; takes several "
                "times as long")
      ->group(group);
}

void AddRunFlags(CLI::App& command, Flags& flags) {
  const std::string group = "Run";
  command.add_option("--engine", flags.subject.engine, "that scores answers in (b)")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--device-threads", flags.device_threads,
                  "of (a), as many as `elm calibrate` had; 0: all cores")
      ->capture_default_str()
      ->group(group);
  command.add_option("--threads", flags.threads, "that score answers in (b); 0: all cores")
      ->capture_default_str()
      ->group(group);
  command.add_option("--batch", flags.subject.batch, "tasks that LibTorch computes together")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--json", flags.json, "write what was found, request by request, to this file")
      ->group(group);
  command.add_flag("--quiet", flags.quiet, "no progress")->group(group);
}

}  // namespace

void AddTraceRun(CLI::App& trace) {
  CLI::App* run = trace.add_subcommand("run", "Play traces and print how they went");
  const auto flags = std::make_shared<Flags>();
  run->add_option("model", flags->subject.model, "an .elm file with a tiny LM")->required();
  AddTraceFlags(*run, *flags);
  AddSetupFlags(*run, *flags);
  AddRunFlags(*run, *flags);
  run->footer(kFooter);
  run->callback([flags] { RunTraces(*flags); });
}

}  // namespace elm
