#include "toolchain/pipeline/recover_data.h"

#include <algorithm>
#include <filesystem>
#include <unordered_set>
#include <utility>

#include "datasets/instructions.h"
#include "datasets/pocket/world.h"
#include "formats/base/hash.h"
#include "formats/workspace/sha256.h"
#include "toolchain/base/error.h"
#include "toolchain/model/generate.h"
#include "toolchain/pipeline/built_in.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/training/epoch_examples.h"
#include "toolchain/training/pocket_examples.h"

namespace elm {
namespace {

enum class Kind { kText, kInstructions, kPocket, kGenerated };

std::string NameOf(RunContext& context) {
  const PrepareOptions& options = context.options();
  return options.recover_data.empty() ? options.data : options.recover_data;
}

Kind KindOf(const std::string& name) {
  if (name.empty() || name == "generated") return Kind::kGenerated;
  if (name == kBuiltInText) return Kind::kPocket;
  if (name.ends_with(".json") || name.ends_with(".jsonl")) return Kind::kInstructions;
  return Kind::kText;
}

TrainingExample FromWindow(std::span<const uint32_t> ids) {
  TrainingExample example;
  example.Add(ids.front(), TokenRole::kIgnored);
  example.Add(std::vector<uint32_t>(ids.begin() + 1, ids.end()), TokenRole::kDocument);
  return example;
}

// Runs of this many tokens that occur in the held-out windows as well give a window away.
constexpr size_t kRun = 16;

uint64_t HashRun(std::span<const uint32_t> ids, size_t begin) {
  return Hash64(std::as_bytes(ids.subspan(begin, kRun)));
}

// `windows` without those that share a run of tokens with `held_out`.
TokenWindows Without(const TokenWindows& windows, const TokenWindows& held_out) {
  std::unordered_set<uint64_t> runs;
  for (size_t i = 0; i < held_out.count(); ++i) {
    for (size_t at = 0; at + kRun <= held_out.length; ++at) {
      runs.insert(HashRun(held_out.row(i), at));
    }
  }
  TokenWindows kept;
  kept.length = windows.length;
  for (size_t i = 0; i < windows.count(); ++i) {
    const std::span<const uint32_t> row = windows.row(i);
    bool shared = false;
    for (size_t at = 0; at + kRun <= row.size() && !shared; ++at) {
      shared = runs.contains(HashRun(row, at));
    }
    if (!shared) kept.ids.insert(kept.ids.end(), row.begin(), row.end());
  }
  return kept;
}

RecoveryData FromText(RunContext& context, const std::string& path) {
  WindowOptions options;
  options.length = context.options().window_tokens;
  // As many as there are: a window holds at least a byte per token.
  options.max_windows = std::filesystem::file_size(path) / (options.length - 1) + 1;
  options.bos_id = context.generation().bos_id;
  options.add_bos = context.generation().add_bos;
  const Tokenizer& tokenizer = context.tokenizer();
  const TokenWindows all = ValueOrThrow(ReadTextWindows(
      path, [&](std::string_view text) { return tokenizer.Encode(text); }, options));
  const TokenWindows windows = Without(all, context.held_out());
  if (windows.count() == 0) {
    throw Error(InvalidArgument(path, ": holds no window that is not held out for measuring; give ",
                                "more text with --recover-data"));
  }
  RecoveryData data;
  data.examples =
      std::make_unique<EpochExamples>(ExamplesOfWindows(windows), context.options().seed);
  data.validation = ExamplesOfWindows(context.held_out());
  data.tokens = uint64_t{windows.count()} * (windows.length - 1);
  data.description = StrCat(windows.count(), " windows of given text");
  return data;
}

RecoveryData FromGenerated(RunContext& context) {
  const PrepareOptions& options = context.options();
  const uint64_t count =
      std::max<uint64_t>(1, options.recover.tokens / std::max(1U, options.window_tokens - 1));
  Progress progress("generate", context.progress_style());
  const TokenWindows windows =
      GenerateWindows(context.model(), count, options.window_tokens, context.generation().bos_id,
                      options.seed + 1, 1.0, [&](size_t done, size_t total) {
                        ThrowIfCancelled();
                        progress.Update(done, total);
                      });
  RecoveryData data;
  data.examples = std::make_unique<EpochExamples>(ExamplesOfWindows(windows), options.seed);
  data.validation = ExamplesOfWindows(context.held_out());
  data.tokens = count * (windows.length - 1);
  data.description = StrCat(count, " windows that the model wrote");
  return data;
}

// Of `rows`, every 20th validates, at most 64.
RecoveryData FromInstructions(RunContext& context, const std::string& path) {
  constexpr size_t kStride = 20;
  constexpr size_t kMostValidation = 64;
  const std::vector<Instruction> rows = ValueOrThrow(ReadInstructions(path));
  const int64_t longest = context.checkpoint().config().context;
  const GenerationConfig generation = context.generation();
  RecoveryData data;
  std::vector<TrainingExample> examples;
  for (size_t i = 0; i < rows.size(); ++i) {
    TrainingExample example;
    if (generation.add_bos) example.Add(generation.bos_id, TokenRole::kIgnored);
    example.Add(context.tokenizer().Encode(rows[i].prompt), TokenRole::kIgnored);
    example.Add(context.tokenizer().Encode(rows[i].response), TokenRole::kAnswer);
    if (!generation.stop_ids.empty()) {
      example.Add(generation.stop_ids.front(), TokenRole::kAnswer);
    }
    if (example.rows() > longest) continue;
    const bool validates = i % kStride == kStride - 1 && data.validation.size() < kMostValidation;
    if (!validates) data.tokens += static_cast<uint64_t>(example.rows());
    (validates ? data.validation : examples).push_back(std::move(example));
  }
  if (examples.empty() || data.validation.empty()) {
    throw Error(InvalidArgument(path, ": of ", rows.size(), " instructions, ", examples.size(),
                                " fit the model's ", longest, " positions beside ",
                                data.validation.size(), " to validate on; at least ", kStride,
                                " are needed"));
  }
  data.description = StrCat(examples.size(), " instructions");
  data.examples = std::make_unique<EpochExamples>(std::move(examples), context.options().seed);
  return data;
}

RecoveryData FromPocket(RunContext& context) {
  constexpr uint32_t kQuestions = 8;
  constexpr uint32_t kValidationGroups = 8;
  // Not the seed that the built-in models were trained with: other tasks of the same split.
  const uint64_t seed = context.options().seed + 1000;
  RecoveryData data;
  data.examples = std::make_unique<PocketExamples>(
      context.tokenizer(),
      PocketExamplesOptions{.seed = seed, .split = pocket::Split::kTrain, .questions = kQuestions});
  const PocketExamples validation(
      context.tokenizer(),
      {.seed = seed, .split = pocket::Split::kValidation, .questions = kQuestions});
  const int64_t longest = context.checkpoint().config().context;
  for (uint32_t family = 0; family < pocket::Families().size(); ++family) {
    for (uint32_t index = 0; index < kValidationGroups; ++index) {
      TrainingExample example = validation.MakeGroup(family, index);
      if (example.rows() <= longest) data.validation.push_back(std::move(example));
    }
  }
  data.description = "tasks of the pocket world";
  return data;
}

// Recovery there is, and not on more of the text that the windows are of.
bool IsOfAnotherKind(RunContext& context) {
  if (context.options().recover.recovery == Recovery::kNone) return false;
  const Kind kind = KindOf(NameOf(context));
  return kind == Kind::kInstructions || kind == Kind::kPocket;
}

}  // namespace

std::vector<TrainingExample> ExamplesOfWindows(const TokenWindows& windows) {
  std::vector<TrainingExample> examples;
  for (size_t i = 0; i < windows.count(); ++i) examples.push_back(FromWindow(windows.row(i)));
  return examples;
}

RecoveryData MakeRecoveryData(RunContext& context) {
  const std::string name = NameOf(context);
  switch (KindOf(name)) {
    case Kind::kText:
      return FromText(context, name);
    case Kind::kInstructions:
      return FromInstructions(context, name);
    case Kind::kPocket:
      return FromPocket(context);
    case Kind::kGenerated:
      break;
  }
  return FromGenerated(context);
}

RecoveryData MakeProbeData(RunContext& context) {
  if (IsOfAnotherKind(context)) return MakeRecoveryData(context);
  RecoveryData data;
  data.examples = std::make_unique<EpochExamples>(ExamplesOfWindows(context.calibration()),
                                                  context.options().recover.seed);
  data.validation = ExamplesOfWindows(context.held_out());
  data.description = "calibration windows";
  return data;
}

nlohmann::json ProbeDataKey(RunContext& context) {
  return IsOfAnotherKind(context) ? RecoveryDataKey(context) : nlohmann::json("windows");
}

nlohmann::json RecoveryDataKey(RunContext& context) {
  const std::string name = NameOf(context);
  nlohmann::json key = {{"window_tokens", context.options().window_tokens},
                        {"seed", context.options().seed}};
  switch (KindOf(name)) {
    case Kind::kText:
    case Kind::kInstructions:
      key["sha256"] = ValueOrThrow(Sha256OfFile(name));
      break;
    case Kind::kPocket:
    case Kind::kGenerated:
      key["source"] = name.empty() ? "generated" : name;
      break;
  }
  return key;
}

}  // namespace elm
