// elmc quantize: a bundle of floating-point weights becomes one of integers.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "datasets/token_windows.h"
#include "formats/elm/bundle.h"
#include "runtime/include/elm/elm.hpp"
#include "toolchain/base/error.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/cli/commands.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/pipeline/built_in.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/progress.h"
#include "toolchain/quantize/quantise_bundle.h"
#include "toolchain/quantize/rounding_report.h"

namespace elm {
namespace {

constexpr uint64_t kTextSeed = 1;

constexpr char kFooter[] =
    "q8 costs next to no accuracy at half the size of f16, q4 a little at a quarter. The integers\n"
    "of --group neighbouring inputs share a scale: longer groups are smaller and faster, shorter\n"
    "ones more exact. With --data the weights are rounded so that what the matrices compute on "
    "that\n"
    "text changes least, and the result is kept if it is better on text held out.\n"
    "\n"
    "Examples:\n"
    "  elmc quantize model.elm small.elm --quant q8\n"
    "  elmc quantize model.elm small.elm --quant q4 --data stories.txt\n"
    "  elmc quantize model.elm small.elm --quant q4 --vocab-quant q4 --group 64\n"
    "  elmc inspect small.elm                 types, groups and bits per weight";

struct Flags {
  std::string input;
  std::string output;
  std::string quant;
  std::string vocab_quant = "auto";
  std::string rounding = "auto";
  std::string data;
  uint32_t group = kDefaultGroup;
  uint32_t windows = 64;
  uint32_t held_out = 16;
  uint32_t window_tokens = 129;
  uint32_t batch = 8;
  uint32_t threads = 0;
  bool quiet = false;
};

WeightType QuantOf(const Flags& flags) {
  const auto type = ParseWeightType(flags.quant);
  if (type && IsQuantised(*type)) return *type;
  throw Error(InvalidArgument("--quant is \"", flags.quant, "\", expected q4 or q8"));
}

WeightType VocabularyOf(const Flags& flags, WeightType layers) {
  if (flags.vocab_quant == "auto") return VocabularyType(layers);
  if (const auto type = ParseWeightType(flags.vocab_quant)) return *type;
  throw Error(InvalidArgument("--vocab-quant is \"", flags.vocab_quant,
                              "\", expected auto or one of q4, q8, f16, bf16, f32"));
}

std::optional<Rounding> RoundingOf(const Flags& flags) {
  if (flags.rounding == "auto") return std::nullopt;
  if (const auto rounding = ParseRounding(flags.rounding)) return rounding;
  throw Error(InvalidArgument("--rounding is \"", flags.rounding,
                              "\", expected auto or one of nearest, least-error, calibrated"));
}

// Every n-th window is held out, so that both sets cover the whole text.
struct Text {
  TokenWindows calibration;
  TokenWindows held_out;
};
Text ReadText(const Flags& flags, const Bundle& bundle) {
  const auto model = ValueOrThrow(Model::Load(flags.input));
  const auto* tokenizer = ValueOrThrow(model->tokenizer());
  WindowOptions options;
  options.length = flags.window_tokens;
  options.max_windows = size_t{flags.windows} + flags.held_out;
  options.bos_id = bundle.view().generation.bos_id;
  options.add_bos = bundle.view().generation.add_bos;
  const EncodeText encode = [&](std::string_view text) { return tokenizer->Encode(text); };
  // Some of the made documents are too short for a window; of four, one is long enough.
  const TokenWindows windows =
      flags.data == kBuiltInText
          ? ValueOrThrow(CutTextWindows(BuiltInText(4 * options.max_windows, kTextSeed),
                                        "the pocket world's text", encode, options))
          : ValueOrThrow(ReadTextWindows(flags.data, encode, options));
  if (windows.count() < 2) {
    throw Error(InvalidArgument(flags.data, ": gives one window of ", flags.window_tokens,
                                " tokens, and two are the least: one to round with and one held "
                                "out; give more text or a smaller --window-tokens"));
  }
  Text text{{windows.length, {}}, {windows.length, {}}};
  const size_t stride = std::max<size_t>(2, windows.count() / flags.held_out);
  for (size_t i = 0; i < windows.count(); ++i) {
    TokenWindows& set = i % stride == stride - 1 ? text.held_out : text.calibration;
    set.ids.insert(set.ids.end(), windows.row(i).begin(), windows.row(i).end());
  }
  return text;
}

void CheckFlags(const Flags& flags) {
  ThrowIfError(CheckGroup("--group", flags.group));
  for (const auto& [flag, value] :
       {std::pair("--windows", flags.windows), std::pair("--held-out", flags.held_out),
        std::pair("--batch", flags.batch)}) {
    if (value == 0) throw Error(InvalidArgument(flag, " is 0, expected at least 1"));
  }
  std::error_code error;
  if (std::filesystem::equivalent(flags.input, flags.output, error)) {
    throw Error(InvalidArgument(flags.output,
                                ": is the input itself, whose exact weights would be "
                                "lost; name another file"));
  }
}

void Run(const Flags& flags) {
  CheckFlags(flags);
  QuantiseBundleOptions options;
  options.layers = QuantOf(flags);
  options.vocabulary = VocabularyOf(flags, options.layers);
  options.group = flags.group;
  options.rounding = RoundingOf(flags);
  options.batch = flags.batch;
  SetTorchThreads(static_cast<int>(ThreadsOrAll(flags.threads)));
  MakeTorchReproducible();

  const auto bundle = ValueOrThrow(Bundle::Open(flags.input));
  Text text;
  if (!flags.data.empty()) {
    text = ReadText(flags, *bundle);
    options.calibration = &text.calibration;
    options.held_out = &text.held_out;
  }
  const auto style = flags.quiet ? Progress::Style::kNone : Progress::DetectStyle();
  ChosenRounding chosen;
  {
    Progress round("round", style);
    Progress write("write", style);
    chosen = QuantiseBundle(*bundle, flags.output, options,
                            {.round =
                                 [&](size_t done, size_t total) {
                                   ThrowIfCancelled();
                                   round.Update(done, total);
                                 },
                             .write =
                                 [&](uint64_t written, uint64_t total) {
                                   ThrowIfCancelled();
                                   write.Update(written, total);
                                 }});
  }
  std::printf("%s\n", RoundingText(chosen).c_str());
  const auto written = ValueOrThrow(Bundle::Open(flags.output));
  std::printf("wrote %s, %s (before %s)\n", flags.output.c_str(),
              FormatBytes(written->file_size()).c_str(), FormatBytes(bundle->file_size()).c_str());
}

}  // namespace

void AddQuantizeCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("quantize", "Store a bundle's weights as small integers");
  const auto flags = std::make_shared<Flags>();
  command->add_option("input", flags->input, "the .elm file, of f32, f16 or bf16")->required();
  command->add_option("output", flags->output, "the .elm file to write")->required();
  command->add_option("--quant", flags->quant, "q4 or q8: type of the layers' matrices")
      ->required();
  command
      ->add_option("--vocab-quant", flags->vocab_quant,
                   "type of embedding and head; auto: q8 with either")
      ->capture_default_str();
  command->add_option("--group", flags->group, "inputs that share a scale: 32, 64, 128, ...")
      ->capture_default_str();
  command->add_option("--data", flags->data,
                      "calibration text, UTF-8, or \"pocket\" for the built-in world's");
  command
      ->add_option("--rounding", flags->rounding,
                   "nearest, least-error or calibrated; auto: by held-out loss, least-error "
                   "without --data")
      ->capture_default_str();
  command->add_option("--windows", flags->windows, "windows of text to round with")
      ->capture_default_str();
  command->add_option("--held-out", flags->held_out, "windows kept apart to choose by")
      ->capture_default_str();
  command->add_option("--window-tokens", flags->window_tokens, "tokens per window")
      ->capture_default_str();
  command->add_option("--batch", flags->batch, "windows per forward pass; bounds the memory")
      ->capture_default_str();
  command->add_option("--threads", flags->threads, "0: all cores")->capture_default_str();
  command->add_flag("--quiet", flags->quiet, "no progress");
  command->footer(kFooter);
  command->callback([flags] { Run(*flags); });
}

}  // namespace elm
