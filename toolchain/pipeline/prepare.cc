#include "toolchain/pipeline/prepare.h"

#include <H5public.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "formats/base/atomic_file.h"
#include "formats/workspace/manifest.h"
#include "formats/workspace/stage_key.h"
#include "formats/workspace/workspace.h"
#include "toolchain/base/error.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/pack/pack.h"
#include "toolchain/pipeline/built_in.h"
#include "toolchain/pipeline/estimate.h"
#include "toolchain/pipeline/recorded_options.h"
#include "toolchain/pipeline/stage.h"

namespace elm {
namespace {

namespace fs = std::filesystem;

// What a built-in model needs no flags for.
void FillInBuiltIn(PrepareOptions& options) {
  if (!IsBuiltIn(options.checkpoint)) return;
  if (options.checkpoint.empty()) {
    options.checkpoint = kBuiltInModel;
    spdlog::info("no checkpoint was named: taking the built-in {}", kBuiltInModel);
  }
  if (options.output.empty()) options.output = options.checkpoint + ".elm";
  if (options.data.empty()) options.data = kBuiltInText;
  // With the tiny LM that comes along this takes minutes; to train one is a choice to be made.
  if (options.tlm.tasks.empty() && fs::exists(SharedFile(kBuiltInTlm))) {
    options.tlm.tasks = kBuiltInText;
  }
  options.checkpoint = ResolveCheckpoint(options.checkpoint);
}

// Absolute paths, so that a manifest means the same from every directory.
PrepareOptions Resolved(PrepareOptions options) {
  ThrowIfError(Validate(options));
  FillInBuiltIn(options);
  FillInTlm(options);
  if (options.output.empty()) throw Error(InvalidArgument("name the bundle to write: -o FILE.elm"));
  const auto make_absolute = [](std::string& path) {
    std::error_code ignored;
    if (!path.empty() && fs::exists(path, ignored)) path = fs::absolute(path).lexically_normal();
  };
  for (std::string* path :
       {&options.checkpoint, &options.data, &options.recover_data, &options.tokenizer,
        &options.scores, &options.tlm.start, &options.tlm.pairs, &options.tlm.latency}) {
    make_absolute(*path);
  }
  make_absolute(options.tlm.tasks);
  const size_t colon = options.tlm.tasks.find(':');
  if (colon != std::string::npos && !IsPocketTasks(options.tlm.tasks)) {  // NAME:FILE
    std::string file = options.tlm.tasks.substr(colon + 1);
    make_absolute(file);
    options.tlm.tasks.replace(colon + 1, std::string::npos, file);
  }
  options.output = fs::absolute(options.output).lexically_normal();
  if (options.workspace.empty()) options.workspace = options.output + ".work";
  options.workspace = fs::absolute(options.workspace).lexically_normal();
  return options;
}

size_t StageIndex(const std::string& flag, const std::string& name, size_t default_index) {
  if (name.empty()) return default_index;
  std::string names;
  for (size_t i = 0; i < Stages().size(); ++i) {
    if (name == Stages()[i].name) return i;
    names += StrCat(i == 0 ? "" : ", ", Stages()[i].name);
  }
  throw Error(InvalidArgument(flag, " \"", name, "\" is no stage; choose one of ", names));
}

// Which stages the user asked for, by index.
struct Range {
  explicit Range(const PrepareOptions& options)
      : first(StageIndex("--from", options.from, 0)),
        last(StageIndex("--to", options.to, Stages().size() - 1)) {
    if (first > last) {
      throw Error(InvalidArgument("--from ", options.from, " comes after --to ", options.to));
    }
  }
  bool Contains(size_t index) const { return index >= first && index <= last; }

  size_t first;
  size_t last;
};

// One key per stage: its own inputs and the key of the stage before it.
std::vector<std::string> StageKeys(RunContext& context) {
  std::vector<std::string> keys;
  std::string previous;
  for (const FileFingerprint& input : context.inputs()) previous += input.sha256;
  for (const Stage& stage : Stages()) {
    StageKey key;
    key.Add("program", ELM_VERSION)
        .Add("libtorch", TORCH_VERSION)
        .Add("threads", static_cast<uint64_t>(at::get_num_threads()))
        .Add("stage", stage.name)
        .Add("inputs", stage.inputs(context).dump())
        .Add("after", previous);
    keys.push_back(key.Hex());
    previous = keys.back();
  }
  return keys;
}

Manifest NewManifest(RunContext& context) {
  Manifest manifest;
  manifest.seed = context.options().seed;
  manifest.inputs = context.inputs();
  nlohmann::json config = ToJson(context.options());
  config["checkpoint_sha256"] = context.checkpoint_sha256();
  config["paths"] = PathsJson(context.options());
  manifest.config = config.dump();
  manifest.versions = {{"elmc", ELM_VERSION},
                       {"libtorch", TORCH_VERSION},
                       {"hdf5", StrCat(H5_VERS_MAJOR, ".", H5_VERS_MINOR, ".", H5_VERS_RELEASE)}};
  return manifest;
}

// The stored manifest brought up to today's options, or a new one. Refuses a workspace that belongs
// to another checkpoint: its stages would all be overwritten.
Manifest OpenManifest(RunContext& context, const std::string& path) {
  Manifest manifest = NewManifest(context);
  if (!fs::exists(path)) {
    if (context.options().resume) {
      throw Error(NotFound(path,
                           ": --resume, but there is no run to go on with; leave --resume "
                           "out to start one"));
    }
    return manifest;
  }
  const Manifest stored = ValueOrThrow(LoadManifest(path));
  const nlohmann::json config = nlohmann::json::parse(stored.config, nullptr, false);
  const std::string owner =
      config.is_object() ? config.value("checkpoint_sha256", std::string()) : std::string();
  if (owner != context.checkpoint_sha256() && !context.options().force) {
    throw Error(InvalidArgument(
        context.options().workspace, ": is the workspace of another checkpoint (SHA-256 ",
        owner.substr(0, 12), ", this one is ", context.checkpoint_sha256().substr(0, 12),
        "); choose another --workspace, or --force to overwrite it"));
  }
  manifest.stages = stored.stages;
  return manifest;
}

void RequireSpace(RunContext& context) {
  const std::string folder = fs::path(context.options().output).parent_path();
  const uint64_t needed = EstimateBundleBytes(ShapeOf(context));
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error || space.available >= needed) return;
  throw Error(
      Status(StatusCode::kNoSpace,
             StrCat(folder, ": the bundle needs ", FormatBytes(needed), ", free are ",
                    FormatBytes(space.available), "; free some space or choose another --output")));
}

// Refuses early what would otherwise be noticed after the work: no folder, no permission, no space.
void CheckOutput(RunContext& context) {
  ThrowIfError(AtomicFile::Create(context.options().output).status());
  RequireSpace(context);
}

DryRun PlanShape(const RunShape& shape) {
  ThrowIfError(Validate(shape.options));
  const Range range(shape.options);
  PrepareTorch(shape.options.threads);
  DryRun dry_run;
  for (size_t i = range.first; i <= range.last; ++i) {
    dry_run.stages.push_back({Stages()[i].name, true, "there are no weights yet", 0, std::nullopt});
  }
  AddEstimates(shape, dry_run);
  return dry_run;
}

class Runner {
 public:
  Runner(RunContext& context, const Workspace& workspace)
      : context_(context),
        workspace_(workspace),
        manifest_(OpenManifest(context, workspace.manifest_path())),
        keys_(StageKeys(context)),
        range_(context.options()) {}

  std::vector<StageOutcome> Run() {
    std::vector<StageOutcome> outcomes;
    for (size_t i = 0; i <= range_.last; ++i) outcomes.push_back(RunOne(i));
    return outcomes;
  }

 private:
  StageOutcome RunOne(size_t index) {
    const Stage& stage = Stages()[index];
    const Freshness freshness =
        CheckStage(manifest_, workspace_.directory(), stage.name, keys_[index]);
    StageOutcome outcome{stage.name, false, freshness.reason, 0, BudgetOf(stage)};
    const bool forced = context_.options().force && range_.Contains(index);
    if (freshness.fresh && !forced) {
      spdlog::info("{}: {}", stage.name, freshness.reason);
      return outcome;
    }
    if (index < range_.first) {
      throw Error(InvalidArgument("--from ", context_.options().from, ": stage ", stage.name, " ",
                                  freshness.reason, "; start from it, or leave --from out"));
    }
    outcome.ran = true;
    if (freshness.fresh) outcome.reason = "forced";
    const torch::Device device = context_.device();
    ForgetDevicePeak(device);
    const auto start = std::chrono::steady_clock::now();
    manifest_.Begin(stage.name, keys_[index]);
    ThrowIfError(SaveManifest(workspace_.manifest_path(), manifest_));
    // Said last: who is interrupted after reading this has a run to resume.
    spdlog::info("{}: {}", stage.name, stage.description);
    stage.run(context_);
    manifest_.Finish(stage.name, Fingerprints(stage));
    ThrowIfError(SaveManifest(workspace_.manifest_path(), manifest_));
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    outcome.seconds = elapsed.count();
    if (const auto memory = DeviceMemoryOf(device); memory && memory->peak > 0) {
      spdlog::info("{}: at most {} on {}", stage.name, FormatBytes(memory->peak),
                   context_.options().device);
    }
    ReportTime(outcome);
    return outcome;
  }

  std::optional<double> BudgetOf(const Stage& stage) const {
    const auto found = context_.options().budget_seconds.find(stage.name);
    if (found == context_.options().budget_seconds.end()) return std::nullopt;
    return found->second;
  }

  static void ReportTime(const StageOutcome& outcome) {
    const std::string took = FormatSeconds(outcome.seconds);
    if (!outcome.budget_seconds) return spdlog::info("{}: done in {}", outcome.name, took);
    const std::string budget = FormatSeconds(*outcome.budget_seconds);
    if (outcome.seconds > *outcome.budget_seconds) {
      spdlog::warn("{}: done in {}, over its budget of {}", outcome.name, took, budget);
    } else {
      spdlog::info("{}: done in {} of {}", outcome.name, took, budget);
    }
  }

  std::vector<FileFingerprint> Fingerprints(const Stage& stage) {
    std::vector<FileFingerprint> outputs;
    for (const std::string& path : stage.outputs(context_)) {
      // A workspace may be moved as a whole, so its own files are recorded relative to it.
      const fs::path relative = fs::path(path).lexically_relative(workspace_.directory());
      const bool inside = !relative.empty() && *relative.begin() != "..";
      outputs.push_back(
          ValueOrThrow(Fingerprint(workspace_.directory(), inside ? relative.string() : path)));
    }
    return outputs;
  }

  RunContext& context_;
  const Workspace& workspace_;
  Manifest manifest_;
  std::vector<std::string> keys_;
  Range range_;
};

}  // namespace

void FillInTlm(PrepareOptions& options) {
  TlmOptions& tlm = options.tlm;
  if (!WantsTlm(options)) return;
  if (tlm.start == kNoTlm) tlm.keep_scores = false;
  if (tlm.start.empty() && tlm.pairs.empty() && IsPocketTasks(tlm.tasks)) {
    const std::string built_in = SharedFile(kBuiltInTlm);
    if (fs::exists(built_in)) {
      tlm.start = built_in;
      tlm.keep_scores = true;
    }
  }
  if (tlm.latency.empty()) tlm.latency = SharedFile(kReferenceLatency);
}

void PrepareTorch(uint32_t threads) {
  SetTorchThreads(static_cast<int>(ThreadsOrAll(threads)));
  MakeTorchReproducible();
}

const std::vector<Stage>& Stages() {
  static const std::vector<Stage> stages = {kImportStage,  kProfileStage, kPlanStage, kReorderStage,
                                            kRecoverStage, kTlmStage,     kPackStage, kVerifyStage};
  return stages;
}

PrepareReport Prepare(const PrepareOptions& given, Progress::Style style) {
  const PrepareOptions options = Resolved(given);
  const Range range(options);  // a wrong stage name costs no work
  for (const auto& [stage, seconds] : options.budget_seconds) StageIndex("--budget", stage, 0);
  PrepareTorch(options.threads);
  RunContext context(options, options.workspace, style);
  context.checkpoint();
  CheckOutput(context);
  const Workspace workspace = ValueOrThrow(Workspace::Open(options.workspace));
  PrepareReport report;
  report.workspace = options.workspace;
  report.output = options.output;
  report.stages = Runner(context, workspace).Run();
  report.finished = range.last + 1 == Stages().size();
  return report;
}

DryRun PlanRun(const PrepareOptions& given) {
  if (const std::optional<RunShape> shape = ShapeWithoutWeights(given)) return PlanShape(*shape);
  const PrepareOptions options = Resolved(given);
  const Range range(options);
  PrepareTorch(options.threads);
  RunContext context(options, options.workspace, Progress::Style::kNone);
  DryRun dry_run;
  dry_run.workspace = options.workspace;
  ThrowIfError(Workspace::Check(options.workspace));
  const Manifest manifest = OpenManifest(context, StrCat(options.workspace, "/manifest.json"));
  const std::vector<std::string> keys = StageKeys(context);
  for (size_t i = 0; i <= range.last; ++i) {
    const Freshness freshness = CheckStage(manifest, options.workspace, Stages()[i].name, keys[i]);
    StageOutcome outcome{Stages()[i].name, false, freshness.reason, 0, std::nullopt};
    outcome.ran = !freshness.fresh || (options.force && range.Contains(i));
    dry_run.stages.push_back(std::move(outcome));
  }
  AddEstimates(ShapeOf(context), dry_run);
  return dry_run;
}

}  // namespace elm
