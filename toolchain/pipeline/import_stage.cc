// Import: is this checkpoint, tokenizer and text fit to be worked on, and which token windows will
// be used?

#include <algorithm>
#include <nlohmann/json.hpp>

#include "formats/workspace/sha256.h"
#include "formats/workspace/windows_file.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/eval/windows_loss.h"
#include "toolchain/model/generate.h"
#include "toolchain/pipeline/built_in.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/stage.h"

namespace elm {
namespace {

// Tokenizer files without the pieces that a fine-tune added, and vocabularies padded for the
// hardware, differ by this much; anything more is another model's tokenizer.
constexpr uint32_t kMostUnnamedPieces = 256;

void CheckTokenizerSize(RunContext& context) {
  const uint32_t pieces = context.tokenizer().size();
  const uint32_t vocab = context.checkpoint().config().vocab;
  if (pieces <= vocab && vocab - pieces <= kMostUnnamedPieces) return;
  throw Error(Corruption(context.tokenizer_path(), ": has ", pieces, " pieces, but the model's ",
                         "vocabulary has ", vocab, " (up to ", kMostUnnamedPieces,
                         " unnamed ones are accepted); name the model's own with --tokenizer"));
}

size_t WindowCount(const PrepareOptions& options) {
  return size_t{options.calibration_windows} + options.held_out_windows;
}

// Some documents are too short for a window; of four, one is long enough even for long windows.
std::string MadeText(RunContext& context) {
  return BuiltInText(4 * WindowCount(context.options()), context.options().seed);
}

TokenWindows ReadText(RunContext& context, size_t count) {
  WindowOptions options;
  options.length = context.options().window_tokens;
  options.max_windows = count;
  options.bos_id = context.generation().bos_id;
  options.add_bos = context.generation().add_bos;
  const Tokenizer& tokenizer = context.tokenizer();
  const EncodeText encode = [&tokenizer](std::string_view text) { return tokenizer.Encode(text); };
  if (context.options().data != kBuiltInText) {
    return ValueOrThrow(ReadTextWindows(context.options().data, encode, options));
  }
  const std::string text = MadeText(context);
  return ValueOrThrow(CutTextWindows(text, "the pocket world's text", encode, options));
}

TokenWindows GenerateText(RunContext& context, size_t count) {
  const GenerationConfig generation = context.generation();
  if (generation.bos_id == layout::kNoToken) {
    throw Error(
        InvalidArgument("this model has no BOS token to generate calibration text from; "
                        "give a text with --data"));
  }
  Progress progress("generate", context.progress_style());
  return GenerateWindows(context.model(), count, context.options().window_tokens, generation.bos_id,
                         context.options().seed, 1.0, [&](size_t done, size_t total) {
                           ThrowIfCancelled();
                           progress.Update(done, total);
                         });
}

// Every n-th window is held out, so that both sets cover the whole text.
void Split(const TokenWindows& windows, size_t held_out_count, TokenWindows& calibration,
           TokenWindows& held_out) {
  calibration.length = held_out.length = windows.length;
  const size_t stride = std::max<size_t>(2, windows.count() / std::max<size_t>(held_out_count, 1));
  for (size_t i = 0; i < windows.count(); ++i) {
    const bool hold_out = i % stride == stride - 1 && held_out.count() < held_out_count;
    std::vector<uint32_t>& ids = hold_out ? held_out.ids : calibration.ids;
    const auto row = windows.row(i);
    ids.insert(ids.end(), row.begin(), row.end());
  }
}

// A model that does worse on a text than the text's own token frequencies was not trained on these
// ids.
void RefuseForeignTokenizer(RunContext& context, double loss, double entropy) {
  if (loss <= entropy || context.options().force) return;
  throw Error(Corruption(context.tokenizer_path(), ": the model loses ", loss,
                         " nats per token on ", context.options().data,
                         ", more than the text's own token frequencies would (", entropy,
                         "): tokenizer or text do not belong to this model; name the right ones, "
                         "or --force to go on"));
}

nlohmann::json Inputs(RunContext& context) {
  const PrepareOptions& options = context.options();
  nlohmann::json inputs = {{"window_tokens", options.window_tokens},
                           {"calibration_windows", options.calibration_windows},
                           {"held_out_windows", options.held_out_windows},
                           {"generated", options.data.empty()},
                           {"seed", options.seed},
                           {"dtype", options.dtype},
                           {"device", options.device}};
  // A file's hash is among the run's inputs; made text is part of the key itself.
  if (options.data == kBuiltInText) inputs["text_sha256"] = Sha256OfString(MadeText(context));
  return inputs;
}

std::vector<std::string> Outputs(RunContext& context) {
  return {context.Path(kCalibrationFile), context.Path(kHeldOutFile), context.Path(kImportFile)};
}

void Run(RunContext& context) {
  const PrepareOptions& options = context.options();
  const uint32_t longest = context.checkpoint().config().context;
  if (options.window_tokens > longest) {
    throw Error(InvalidArgument("--window-tokens is ", options.window_tokens,
                                ", but the model's context holds ", longest, " tokens"));
  }
  CheckTokenizerSize(context);
  const size_t count = WindowCount(options);
  const bool generated = options.data.empty();
  const TokenWindows windows = generated ? GenerateText(context, count) : ReadText(context, count);
  if (windows.count() < 2) {
    throw Error(InvalidArgument(options.data, ": gives ", windows.count(), " window of ",
                                options.window_tokens,
                                " tokens, and two are the least: one to "
                                "profile and one to hold out; give more text or a smaller "
                                "--window-tokens"));
  }
  TokenWindows calibration;
  TokenWindows held_out;
  Split(windows, options.held_out_windows, calibration, held_out);

  const double loss = MeasureLoss(context.model(), held_out, {}, options.batch).mean;
  const double entropy = UnigramEntropy(windows);
  if (!generated) RefuseForeignTokenizer(context, loss, entropy);

  const bool built_in = options.data == kBuiltInText;
  const std::string source = generated  ? "generated by the model"
                             : built_in ? "the pocket world's text"
                                        : "given text";
  for (const auto& [file, set] :
       {std::pair(kCalibrationFile, &calibration), std::pair(kHeldOutFile, &held_out)}) {
    ThrowIfError(SaveWindows(context.Path(file), {set->length, set->ids, source}));
  }
  const nlohmann::json report = {{"form", context.checkpoint().form()},
                                 {"text", generated  ? "generated"
                                          : built_in ? "pocket"
                                                     : "given"},
                                 {"calibration_windows", calibration.count()},
                                 {"held_out_windows", held_out.count()},
                                 {"held_out_nll", loss},
                                 {"unigram_entropy", entropy}};
  WriteJsonFile(context.Path(kImportFile), report);
}

}  // namespace

const Stage kImportStage = {"import", "check checkpoint and tokenizer, cut the text into windows",
                            Inputs, Outputs, Run};

}  // namespace elm
