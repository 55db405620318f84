// elmc pretrain: a small model from nothing, on the built-in pocket world.
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "toolchain/base/error.h"
#include "toolchain/cli/commands.h"
#include "toolchain/cli/config_file.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/progress.h"
#include "toolchain/pretrain/pretrain.h"

namespace elm {
namespace {

constexpr char kFooter[] =
    "Trains on task groups of the pocket world: several questions about one context, the answers\n"
    "weighted 1, everything else --context-weight. The run begins with random pieces that repeat\n"
    "(--copy-tokens), goes on with short examples (--short-tokens) and then takes all.\n"
    "\n"
    "A checkpoint is written every --checkpoint-minutes and when the run is stopped with Ctrl-C;\n"
    "the same command goes on from it, to the same bits on the same machine. At every checkpoint\n"
    "DIR is a Hugging Face directory that `elmc prepare` takes.\n"
    "\n"
    "Examples:\n"
    "  elmc pretrain --config configs/pocket-1m.toml -o pocket-1m/\n"
    "  elmc pretrain --config configs/pocket-4m-50.toml --tokenizer pocket-4m/tokenizer.model \\\n"
    "      -o pocket-4m-50/                       a smaller sibling with the same vocabulary\n"
    "  elmc pretrain --config configs/pocket-4m.toml --init pocket-4m/ --seed 2 \\\n"
    "      --copy-tokens 0 -o pocket-4m-b/        on from another run's weights";

struct Flags {
  PretrainOptions options;
  std::string config;
  bool json = false;
  bool quiet = false;
};

std::string Note(const PretrainProgress& progress) {
  char text[64];
  std::snprintf(text, sizeof text, "loss %.3f, %.1f k tokens/s", progress.answer_loss,
                progress.tokens_per_second / 1000);
  return text;
}

void PrintReport(const PretrainReport& report, bool as_json) {
  if (as_json) {
    const nlohmann::json json = {
        {"output", report.output},   {"weights", report.weights},
        {"steps", report.steps},     {"tokens", report.tokens},
        {"seconds", report.seconds}, {"validation_answer_loss", report.answer_loss},
        {"resumed", report.resumed}};
    std::printf("%s\n", json.dump(2).c_str());
    return;
  }
  std::printf("wrote %s: %.2f M weights, %.1f M tokens in %s, validation loss on answers %.4f\n",
              report.output.c_str(), static_cast<double>(report.weights) / 1e6,
              static_cast<double>(report.tokens) / 1e6, FormatSeconds(report.seconds).c_str(),
              report.answer_loss);
}

void Run(const Flags& flags) {
  const auto style = flags.quiet ? Progress::Style::kNone : Progress::DetectStyle();
  KeepTensorMemory();
  Progress progress("pretrain", style);
  PretrainHooks hooks;
  hooks.throw_if_cancelled = ThrowIfCancelled;
  hooks.report = [&](const PretrainProgress& now) {
    progress.Update(now.tokens, now.total_tokens, Note(now));
  };
  if (!flags.quiet) {
    hooks.say = [](const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); };
  }
  PretrainOptions options = flags.options;
  options.tool_version = ELM_VERSION;
  while (options.output.size() > 1 && options.output.back() == '/') options.output.pop_back();
  PrintReport(Pretrain(options, hooks), flags.json);
}

void AddInputFlags(CLI::App& command, Flags& flags) {
  PretrainOptions& options = flags.options;
  command.add_option("-o,--output", options.output, "directory to write")->required();
  command.add_option("--config", flags.config,
                     "TOML file with long flags as keys; the command line wins");
  command.add_option("--tokenizer", options.tokenizer,
                     "SentencePiece model; without it one is trained on the same world");
  command.add_option("--init", options.init, "checkpoint of the same shape to start from");
}

// A flag with its default shown, in a group.
template <typename T>
void Add(CLI::App& command, const char* group, const char* name, T& value, const char* help) {
  command.add_option(name, value, help)->capture_default_str()->group(group);
}

void AddShapeFlags(CLI::App& command, ModelConfig& model) {
  const char* group = "Shape";
  Add(command, group, "--layers", model.layers, "layers");
  Add(command, group, "--width", model.width, "residual stream");
  Add(command, group, "--query-heads", model.query_heads, "query heads per layer");
  Add(command, group, "--kv-heads", model.kv_heads, "KV heads per layer");
  Add(command, group, "--head-dim", model.head_dim, "size of a head");
  Add(command, group, "--neurons", model.neurons, "MLP neurons per layer");
  Add(command, group, "--vocab", model.vocab, "pieces of the vocabulary, when it is trained");
  Add(command, group, "--context", model.context, "most tokens of a sequence");
}

void AddRecipeFlags(CLI::App& command, PretrainOptions& options) {
  const char* group = "Recipe";
  Add(command, group, "--tokens", options.tokens, "length of the run, in predicted tokens");
  Add(command, group, "--copy-tokens", options.copy_tokens,
      "of these, spent first on random pieces that repeat; 0: none");
  Add(command, group, "--short-tokens", options.short_tokens, "spent next on short examples");
  Add(command, group, "--short-length", options.short_length, "tokens of a short example, at most");
  Add(command, group, "--batch-tokens", options.batch_tokens, "tokens of a micro-batch, at most");
  Add(command, group, "--accumulate", options.accumulate,
      "micro-batches per update; the CPU computes them side by side");
  Add(command, group, "--learning-rate", options.learning_rate, "the highest");
  Add(command, group, "--warmup-tokens", options.warmup_tokens, "until it is reached");
  Add(command, group, "--weight-decay", options.weight_decay, "of matrices");
  Add(command, group, "--clip", options.clip, "longest gradient");
  Add(command, group, "--context-weight", options.context_weight,
      "of the loss on tokens that are no answers");
  Add(command, group, "--questions", options.questions, "about one context, at most");
  Add(command, group, "--small-share", options.small_share,
      "of contexts are of a random smaller size, down to one or two things to choose from");
  Add(command, group, "--word-drop-share", options.word_drop_share,
      "of contexts lose 10 to 70 % of their words at random");
  Add(command, group, "--corpus-share", options.corpus_share, "of examples are plain documents");
  Add(command, group, "--seed", options.seed, "for everything random");
}

void AddRunFlags(CLI::App& command, Flags& flags) {
  const char* group = "Run";
  PretrainOptions& options = flags.options;
  Add(command, group, "--device", options.device, "cpu, cuda or cuda:N");
  Add(command, group, "--dtype", options.dtype,
      "arithmetic: float32, bfloat16, auto (bfloat16 where the device has it)");
  Add(command, group, "--threads", options.threads, "0: all cores");
  Add(command, group, "--checkpoint-minutes", options.checkpoint_minutes,
      "between two checkpoints");
  Add(command, group, "--log-steps", options.log_steps, "updates between two rows of curve.json");
  Add(command, group, "--validation-steps", options.validation_steps,
      "updates between two measurements on validation tasks");
  Add(command, group, "--validation-groups", options.validation_groups,
      "task groups of each family that are measured");
  command.add_flag("--restart", options.restart, "start over, whatever checkpoint DIR holds")
      ->group(group);
  command.add_flag("--json", flags.json, "print the result as JSON")->group(group);
  command.add_flag("--quiet", flags.quiet, "no progress")->group(group);
}

}  // namespace

void AddPretrainCommand(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("pretrain", "Train a small model from nothing on the pocket world");
  const auto flags = std::make_shared<Flags>();
  AddInputFlags(*command, *flags);
  AddShapeFlags(*command, flags->options.model);
  AddRecipeFlags(*command, flags->options);
  AddRunFlags(*command, *flags);
  command->footer(kFooter);
  command->callback([flags, command] {
    if (!flags->config.empty()) ApplyConfigFile(*command, flags->config);
    Run(*flags);
  });
}

}  // namespace elm
