// elmc synth: a bundle of random weights in a named shape.
#include <cstdio>
#include <memory>

#include "formats/base/mapped_file.h"
#include "formats/elm/bundle.h"
#include "toolchain/base/error.h"
#include "toolchain/cli/commands.h"
#include "toolchain/pack/synthesize.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/progress.h"
#include "toolchain/quantize/rounding.h"

namespace elm {
namespace {

constexpr uint64_t kMostTokenizerBytes = uint64_t{1} << 28;

struct Flags {
  std::string shape = "110m";
  uint32_t layers = 0;
  std::string quant = "f16";
  std::string vocab_quant = "auto";
  uint32_t group = kDefaultGroup;
  std::string tokenizer;
  std::string output;
  uint64_t seed = 1;
  uint32_t adapters = 8;
  std::string tlm = "none";
  std::string tlm_quant = "q8";
};

std::string ShapeHelp() {
  std::string help = "Shapes:\n";
  for (const NamedShape& shape : NamedShapes()) {
    help += StrCat("  ", shape.name, ": ", shape.description, "\n");
  }
  help += "Tiny LMs:\n";
  for (const NamedTlmShape& shape : NamedTlmShapes()) {
    help += StrCat("  ", shape.name, ": ", shape.description, "\n");
  }
  return help +
         "The weights mean nothing: such a bundle is for measuring memory, loading and speed.";
}

WeightType ParseType(const char* flag, const std::string& text) {
  if (const auto type = ParseWeightType(text)) return *type;
  throw Error(InvalidArgument(flag, " is \"", text, "\", expected q4, q8, f16, bf16 or f32"));
}

void Run(const Flags& flags) {
  ModelConfig config = FindShape(flags.shape).config;
  if (flags.layers != 0) config.layers = flags.layers;
  ThrowIfError(Validate(config));
  SynthesizeOptions options;
  options.weights = ParseType("--quant", flags.quant);
  options.vocabulary = flags.vocab_quant == "auto" ? VocabularyType(options.weights)
                                                   : ParseType("--vocab-quant", flags.vocab_quant);
  ThrowIfError(CheckGroup("--group", flags.group));
  options.group = flags.group;
  options.seed = flags.seed;
  if (flags.adapters > layout::kMaxAdapterRank) {
    throw Error(InvalidArgument("--adapters is ", flags.adapters, ", at most ",
                                layout::kMaxAdapterRank, " is allowed"));
  }
  options.adapter_rank = flags.adapters;
  if (flags.tlm != "none") options.tlm = FindTlmShape(flags.tlm).config;
  options.tlm_weights = ParseType("--tlm-quant", flags.tlm_quant);
  if (!flags.tokenizer.empty()) {
    options.tokenizer_model = ValueOrThrow(ReadFile(flags.tokenizer, kMostTokenizerBytes));
  }
  {
    Progress progress("synth", Progress::DetectStyle());
    SynthesizeBundle(config, options, flags.output, [&](uint64_t written, uint64_t total) {
      ThrowIfCancelled();
      progress.Update(written, total);
    });
  }
  const auto bundle = ValueOrThrow(Bundle::Open(flags.output));
  std::printf("wrote %s, %s\n", flags.output.c_str(), FormatBytes(bundle->file_size()).c_str());
}

}  // namespace

void AddSynthCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("synth", "Make a bundle of random weights, for measuring");
  const auto flags = std::make_shared<Flags>();
  command->add_option("--shape", flags->shape, "named shape, see below")->capture_default_str();
  command->add_option("--layers", flags->layers, "this many layers instead of the shape's");
  command->add_option("--quant", flags->quant, "type of the matrices: q4, q8, f16, bf16 or f32")
      ->capture_default_str();
  command
      ->add_option("--vocab-quant", flags->vocab_quant,
                   "type of embedding and head; auto: q8 with q4, else that of the other matrices")
      ->capture_default_str();
  command->add_option("--group", flags->group, "q4, q8: inputs that share a scale")
      ->capture_default_str();
  command
      ->add_option("--adapters", flags->adapters,
                   "rank of the adapters of the levels below the full one; 0: none")
      ->capture_default_str();
  command->add_option("--tlm", flags->tlm, "shape of a tiny LM to carry, see below; none")
      ->capture_default_str();
  command
      ->add_option("--tlm-quant", flags->tlm_quant,
                   "type of its matrices: q4, q8, f16, bf16 or f32")
      ->capture_default_str();
  command->add_option("--tokenizer", flags->tokenizer,
                      "SentencePiece model to carry; default one piece per character");
  command->add_option("--seed", flags->seed, "of the weights")->capture_default_str();
  command->add_option("-o,--output", flags->output, "the bundle to write")->required();
  command->footer(ShapeHelp());
  command->callback([flags] { Run(*flags); });
}

}  // namespace elm
