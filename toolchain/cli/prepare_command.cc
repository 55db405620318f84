// elmc prepare: checkpoint in, bundle out.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/cli/commands.h"
#include "toolchain/cli/config_file.h"
#include "toolchain/cli/level_list.h"
#include "toolchain/cli/recover_flags.h"
#include "toolchain/cli/tlm_flags.h"
#include "toolchain/pipeline/prepare.h"
#include "toolchain/pipeline/workspace_files.h"

namespace elm {
namespace {

constexpr char kFooter[] =
    "Stages: import, profile, plan, reorder, recover, tlm, pack, verify. Each leaves its result in the "
    "workspace\n"
    "(OUTPUT.work unless --workspace says otherwise). The same command run again goes on where "
    "the\n"
    "last one stopped; with other levels it plans again from the stored scores, in seconds.\n"
    "\n"
    "Examples:\n"
    "  elmc prepare                                          the built-in model and text\n"
    "  elmc prepare models/stories --data stories.txt -o stories.elm\n"
    "  elmc prepare models/stories -o stories.elm            calibrates on text the model writes "
    "itself\n"
    "  elmc prepare models/stories --data stories.txt -o stories.elm --levels 0.25,0.5,0.75\n"
    "  elmc prepare models/stories --data stories.txt -o stories.elm --to plan\n"
    "  elmc prepare models/stories --config quick.toml       any long flag is a key there; flags "
    "win\n"
    "  elmc prepare --shape llama-7b --dry-run --dtype bfloat16    what 7 B would take here";

// The flags that need more than CLI11 to become options.
struct Flags {
  PrepareOptions options;
  std::vector<std::string> levels;
  std::vector<uint32_t> anchors;
  std::string policy = "auto";
  std::string metric = "auto";
  std::string allocation = "auto";
  std::string quant = "auto";
  std::string vocab_quant = "auto";
  std::string rounding = "auto";
  RecoverFlags recover;
  TlmFlags tlm;
  std::vector<std::string> budget;
  std::string config;
  bool json = false;
  bool quiet = false;
};

template <typename T>
std::optional<T> AutoOr(const char* flag, const std::string& text, std::optional<T> parsed,
                        const char* names) {
  if (text == "auto") return std::nullopt;
  if (parsed) return parsed;
  throw Error(InvalidArgument(flag, " is \"", text, "\", expected auto or one of ", names));
}

// "profile=40" -> {"profile", 40}.
std::pair<std::string, double> ParseBudget(const std::string& text) {
  const size_t equals = text.find('=');
  double seconds = 0;
  if (equals == std::string::npos || !CLI::detail::lexical_cast(text.substr(equals + 1), seconds) ||
      !(seconds > 0)) {
    throw Error(InvalidArgument("--budget: \"", text, "\", expected STAGE=SECONDS"));
  }
  return {text.substr(0, equals), seconds};
}

PrepareOptions ToOptions(const Flags& flags) {
  PrepareOptions options = flags.options;
  if (!flags.levels.empty()) options.levels = ParseLevelList("--levels", flags.levels);
  ApplyRecoverFlags(flags.recover, options);
  flags.tlm.ApplyTo(options);
  for (const std::string& text : flags.budget) {
    options.budget_seconds.insert(ParseBudget(text));
  }
  if (!flags.anchors.empty()) options.anchors = flags.anchors;
  options.policy =
      AutoOr("--unit", flags.policy, ParseUnitPolicy(flags.policy), "kv-group, query-head");
  options.metric = AutoOr("--metric", flags.metric, ParseScoreMetric(flags.metric),
                          "sequence, squared, token, weight-gradient, exact");
  options.allocation = AutoOr("--allocation", flags.allocation, ParseAllocation(flags.allocation),
                              "uniform, measured, core");
  const char* types = "q4, q8, f16, bf16, f32";
  options.quant = AutoOr("--quant", flags.quant, ParseWeightType(flags.quant), types);
  options.vocab_quant =
      AutoOr("--vocab-quant", flags.vocab_quant, ParseWeightType(flags.vocab_quant), types);
  options.rounding = AutoOr("--rounding", flags.rounding, ParseRounding(flags.rounding),
                            "nearest, least-error, calibrated");
  return options;
}

// Whether the run came as far as `stage`: its results are in the workspace.
bool Reached(const PrepareReport& report, const std::string& stage) {
  return std::any_of(report.stages.begin(), report.stages.end(),
                     [&](const StageOutcome& outcome) { return outcome.name == stage; });
}

// "0, 3", or "none".
std::string AnchorsText(const nlohmann::json& anchors) {
  std::string text;
  for (const nlohmann::json& layer : anchors) text += (text.empty() ? "" : ", ") + layer.dump();
  return text.empty() ? "none" : text;
}

// The held-out loss with each level's adapter, by the level's name.
std::map<std::string, double> RecoveredLosses(const PrepareReport& report) {
  std::map<std::string, double> losses;
  if (!Reached(report, "recover")) return losses;
  const nlohmann::json recovered = ReadJsonFile(report.workspace + "/" + kRecoverFile);
  for (const nlohmann::json& level : recovered["levels"]) {
    if (level.contains("held_out_nll")) losses[level["level"]] = level["held_out_nll"];
  }
  return losses;
}

void PrintLevels(const PrepareReport& report) {
  const nlohmann::json plan = ReadJsonFile(report.workspace + "/" + kPlanReportFile);
  std::printf("anchor layers: %s; cut by %s, scored by %s, allocation %s\n",
              AnchorsText(plan["anchors"]).c_str(), plan["unit_policy"].get<std::string>().c_str(),
              plan["score_metric"].get<std::string>().c_str(),
              plan["allocation"].get<std::string>().c_str());
  const std::map<std::string, double> recovered = RecoveredLosses(report);
  std::printf("%-7s %8s %12s %10s%s\n", "level", "share", "weights", "nll",
              recovered.empty() ? "" : "  recovered");
  for (const nlohmann::json& level : plan["levels"]) {
    const std::string name = level["level"];
    const std::string note = level.value("note", std::string());
    if (level["merged"].get<bool>()) {
      std::printf("%-7s %s\n", name.c_str(), note.c_str());
      continue;
    }
    const auto after = recovered.find(name);
    const std::string after_text = recovered.empty() ? ""
                                   : after == recovered.end()
                                       ? fmt::format("{:>11}", "-")
                                       : fmt::format("{:11.4f}", after->second);
    std::printf("%-7s %7.1f%% %12lld %10.4f%s  %s\n", name.c_str(),
                100 * level["reached_share"].get<double>(), level["layer_weights"].get<long long>(),
                level["held_out_nll"].get<double>(), after_text.c_str(), note.c_str());
  }
}

void PrintJson(const PrepareReport& report) {
  nlohmann::json json = {
      {"output", report.output}, {"workspace", report.workspace}, {"finished", report.finished}};
  for (const StageOutcome& stage : report.stages) {
    json["stages"].push_back({{"name", stage.name},
                              {"ran", stage.ran},
                              {"reason", stage.reason},
                              {"seconds", stage.seconds}});
    if (stage.budget_seconds) json["stages"].back()["budget_seconds"] = *stage.budget_seconds;
  }
  for (const auto& [stage, file] :
       {std::pair("import", kImportFile), std::pair("plan", kPlanReportFile),
        std::pair("reorder", kReorderFile), std::pair("recover", kRecoverFile), std::pair("tlm", kTlmFile),
        std::pair("verify", kVerifyFile)}) {
    if (Reached(report, stage)) json[stage] = ReadJsonFile(report.workspace + "/" + file);
  }
  std::printf("%s\n", json.dump(2).c_str());
}

void PrintDryRun(const DryRun& run, bool as_json) {
  std::printf("%s", as_json ? (DryRunJson(run).dump(2) + "\n").c_str() : DryRunText(run).c_str());
}

void Run(const Flags& flags) {
  const PrepareOptions options = ToOptions(flags);
  if (!options.dry_run && !options.shape.empty()) {
    throw Error(InvalidArgument("--shape is for --dry-run: ", options.shape, " has no weights"));
  }
  if (options.dry_run) return PrintDryRun(PlanRun(options), flags.json);
  const auto style = flags.quiet ? Progress::Style::kNone : Progress::DetectStyle();
  const PrepareReport report = Prepare(options, style);
  if (flags.json) return PrintJson(report);
  if (Reached(report, "plan")) PrintLevels(report);
  if (report.finished) std::printf("wrote %s\n", report.output.c_str());
}

void AddInputFlags(CLI::App& command, Flags& flags) {
  PrepareOptions& options = flags.options;
  command.add_option("checkpoint", options.checkpoint,
                     "Hugging Face directory, llama2.c .bin or GGUF file; default: the built-in "
                     "pocket-4m");
  command.add_option("--data", options.data,
                     "calibration text, UTF-8, or \"pocket\" for the built-in world's; without it "
                     "the model writes its own");
  command.add_option("--tokenizer", options.tokenizer,
                     "SentencePiece model; for checkpoints that do not carry one");
  command.add_option("--scores", options.scores,
                     "folder with scores profiled elsewhere, see `elmc scores`");
  command.add_option("-o,--output", options.output,
                     "the bundle to write; default: the built-in "
                     "model's name, .elm, here");
  command.add_option("--workspace", options.workspace,
                     "folder for stage results; default OUTPUT.work");
  command.add_option("--config", flags.config,
                     "TOML file with long flags as keys; the command line wins");
}

void AddCalibrationFlags(CLI::App& command, Flags& flags) {
  PrepareOptions& options = flags.options;
  const std::string group = "Calibration";
  command.add_option("--windows", options.calibration_windows, "windows of text to profile on")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--held-out", options.held_out_windows, "windows kept apart to measure levels on")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--window-tokens", options.window_tokens,
                  "tokens per window; all but the first are predicted")
      ->capture_default_str()
      ->group(group);
  command.add_option("--batch", options.batch, "windows per forward pass; bounds the memory")
      ->capture_default_str()
      ->group(group);
  command.add_flag("--exact", options.exact_heads, "also score heads by removing each in turn")
      ->group(group);
  command
      .add_flag("--weight-gradient", options.weight_gradient,
                "also score units by |W * dL/dW|, as the published artifact does")
      ->group(group);
}

void AddPlanFlags(CLI::App& command, Flags& flags) {
  PrepareOptions& options = flags.options;
  const std::string group = "Plan";
  command
      .add_option("--levels", flags.levels,
                  "shares of the layers' weights; default 0.2 to 1.0 by 0.1")
      ->delimiter(',')
      ->group(group);
  command
      .add_option("--anchor-share", options.anchor_share,
                  "share of layers that stay whole, the most important ones")
      ->capture_default_str()
      ->group(group);
  command.add_option("--anchors", flags.anchors, "exactly these layers stay whole")
      ->delimiter(',')
      ->group(group);
  command
      .add_option("--unit", flags.policy,
                  "cut attention by kv-group or query-head; auto measures both")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--metric", flags.metric, "score that orders units; auto measures all there are")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--allocation", flags.allocation,
                  "uniform: all layers but the anchors keep the same part; measured: what loses "
                  "least, by cutting one block at a time; core: so, but levels below 0.25 are of "
                  "the most important third of the layers alone; auto measures all")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--snap", options.neuron_snap,
                  "neuron counts are multiples of it; default 32, up to 128 where neurons are many")
      ->group(group);
  command
      .add_option("--quant", flags.quant,
                  "type of the matrices in the bundle: q4, q8, f16, bf16, f32; auto: bf16 stays "
                  "bf16, the rest f16")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--vocab-quant", flags.vocab_quant,
                  "type of embedding and head; auto: q8 with q4, else that of the other matrices")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--group", options.group,
                  "q4, q8: inputs that share a scale; 32, 64, 128, ...; matrices that it does not "
                  "divide get smaller ones")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--rounding", flags.rounding,
                  "q4, q8: nearest, least-error or calibrated; auto: the one with the lowest "
                  "held-out loss")
      ->capture_default_str()
      ->group(group);
}

void AddRunFlags(CLI::App& command, Flags& flags) {
  PrepareOptions& options = flags.options;
  const std::string group = "Run";
  command.add_option("--device", options.device, "cpu, cuda or cuda:N")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--dtype", options.dtype, "arithmetic of profile and plan: float32 or bfloat16")
      ->capture_default_str()
      ->group(group);
  command.add_option("--threads", options.threads, "0: all cores")
      ->capture_default_str()
      ->group(group);
  command.add_option("--seed", options.seed, "for everything random")
      ->capture_default_str()
      ->group(group);
  command.add_option("--from", options.from, "first stage to run; earlier ones must be done")
      ->group(group);
  command.add_option("--to", options.to, "last stage to run")->group(group);
  command.add_flag("--resume", options.resume, "insist on going on with an earlier run")
      ->group(group);
  command
      .add_flag("--force", options.force,
                "run stages again though they are done; accept a foreign-looking tokenizer")
      ->group(group);
  command
      .add_flag("--dry-run", options.dry_run,
                "say what would run, with memory, disk and time, and do nothing")
      ->group(group);
  command
      .add_option("--shape", options.shape,
                  "with --dry-run: a shape of `elmc synth` instead of a checkpoint, such as "
                  "llama-7b; a directory with config.json alone serves as well")
      ->group(group);
  command
      .add_option("--assume-tflops", options.assume_tflops,
                  "with --dry-run: 10^12 operations a second of plain products on --device, "
                  "instead of measuring; with cuda and no such device 0.7 of an A100's")
      ->group(group);
  command
      .add_option("--assume-gbs", options.assume_gbs,
                  "with --dry-run: 10^9 bytes a second of its memory")
      ->group(group);
  command
      .add_option("--budget", flags.budget,
                  "STAGE=SECONDS,...: warn when a stage takes longer, for watching a project")
      ->delimiter(',')
      ->group(group);
  command.add_flag("--json", flags.json, "print the result as JSON")->group(group);
  command.add_flag("--quiet", flags.quiet, "no progress")->group(group);
}

}  // namespace

void AddPrepareCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("prepare", "Make a checkpoint elastic: all stages");
  const auto flags = std::make_shared<Flags>();
  AddInputFlags(*command, *flags);
  AddCalibrationFlags(*command, *flags);
  AddPlanFlags(*command, *flags);
  AddRecoverFlags(*command, flags->options, flags->recover);
  AddTlmFlags(*command, flags->tlm);
  command->add_flag("--no-tlm", flags->options.no_tlm, "leave the tiny LM out")->group("Tiny LM");
  AddRunFlags(*command, *flags);
  command->footer(kFooter);
  command->callback([flags, command] {
    if (!flags->config.empty()) ApplyConfigFile(*command, flags->config);
    Run(*flags);
  });
}

}  // namespace elm
