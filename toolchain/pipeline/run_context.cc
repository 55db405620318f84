#include "toolchain/pipeline/run_context.h"

#include <filesystem>

#include "formats/base/mapped_file.h"
#include "formats/workspace/sha256.h"
#include "formats/workspace/windows_file.h"
#include "toolchain/base/error.h"
#include "toolchain/model/device.h"
#include "toolchain/pipeline/built_in.h"
#include "toolchain/pipeline/workspace_files.h"

namespace elm {
namespace {

constexpr uint64_t kMostTokenizerBytes = uint64_t{1} << 28;

TokenWindows LoadTokenWindows(const std::string& path, const ModelConfig& config) {
  StoredWindows stored = ValueOrThrow(LoadWindows(path, config.vocab));
  TokenWindows windows;
  windows.length = stored.length;
  windows.ids = std::move(stored.ids);
  return windows;
}

}  // namespace

RunContext::RunContext(PrepareOptions options, std::string workspace, Progress::Style style)
    : options_(std::move(options)), workspace_(std::move(workspace)), style_(style) {}

std::string RunContext::Path(const std::string& name) const { return workspace_ + "/" + name; }

const Checkpoint& RunContext::checkpoint() {
  if (!checkpoint_) checkpoint_ = ValueOrThrow(OpenCheckpoint(options_.checkpoint));
  return *checkpoint_;
}

std::string RunContext::tokenizer_path() {
  if (!options_.tokenizer.empty()) return options_.tokenizer;
  const std::string own = checkpoint().tokenizer_path();
  if (!own.empty()) return own;
  throw Error(InvalidArgument(options_.checkpoint, ": carries no SentencePiece tokenizer.model; ",
                              "name it with --tokenizer FILE"));
}

const std::string& RunContext::tokenizer_bytes() {
  if (tokenizer_bytes_.empty()) {
    tokenizer_bytes_ = ValueOrThrow(ReadFile(tokenizer_path(), kMostTokenizerBytes));
  }
  return tokenizer_bytes_;
}

const Tokenizer& RunContext::tokenizer() {
  if (!tokenizer_) {
    auto loaded = Tokenizer::Load(tokenizer_bytes());
    ThrowIfError(loaded.status().In(tokenizer_path()));
    tokenizer_ = std::move(loaded).value();
  }
  return *tokenizer_;
}

GenerationConfig RunContext::generation() {
  const SpecialTokens& special = checkpoint().special_tokens();
  GenerationConfig generation;
  generation.bos_id = special.bos.value_or(tokenizer().bos_id());
  generation.add_bos = generation.bos_id != layout::kNoToken;
  generation.stop_ids = special.eos;
  if (generation.stop_ids.empty() && tokenizer().eos_id() != layout::kNoToken) {
    generation.stop_ids = {tokenizer().eos_id()};
  }
  // A model that begins a new document has finished the old one; small models often know no other
  // end.
  if (generation.add_bos) generation.stop_ids.push_back(generation.bos_id);
  generation.chat_template = special.chat_template;
  return generation;
}

WeightType RunContext::weights() {
  if (options_.quant) return *options_.quant;
  for (const CheckpointTensor& tensor : checkpoint().tensors()) {
    if (tensor.dtype == DType::kBf16) return WeightType::kBf16;
  }
  return WeightType::kF16;
}

WeightType RunContext::vocabulary() {
  return options_.vocab_quant.value_or(VocabularyType(weights()));
}

const std::vector<FileFingerprint>& RunContext::inputs() {
  if (!inputs_.empty()) return inputs_;
  std::vector<std::string> paths = checkpoint().files();
  paths.push_back(tokenizer_path());
  if (!options_.data.empty() && options_.data != kBuiltInText) paths.push_back(options_.data);
  for (const std::string& path : paths) {
    inputs_.push_back(ValueOrThrow(Fingerprint(".", std::filesystem::absolute(path))));
  }
  return inputs_;
}

std::string RunContext::checkpoint_sha256() {
  std::string lines;
  for (size_t i = 0; i < checkpoint().files().size(); ++i) {
    const FileFingerprint& file = inputs()[i];
    lines += StrCat(std::filesystem::path(file.path).filename().string(), " ", file.sha256, "\n");
  }
  return Sha256OfString(lines);
}

torch::Device RunContext::device() const { return OpenDevice(options_.device); }

Llama RunContext::LoadModel(torch::Device device, torch::Dtype dtype) {
  try {
    return Llama::Load(checkpoint(), device, dtype);
  } catch (const Error& error) {
    throw Error(error.status().In(options_.checkpoint));
  }
}

const Llama& RunContext::model() {
  if (!model_) {
    const torch::Dtype dtype = options_.dtype == "bfloat16" ? torch::kBFloat16 : torch::kFloat32;
    model_ = LoadModel(device(), dtype);
  }
  return *model_;
}

TokenWindows RunContext::calibration() {
  return LoadTokenWindows(Path(kCalibrationFile), checkpoint().config());
}

TokenWindows RunContext::held_out() {
  return LoadTokenWindows(Path(kHeldOutFile), checkpoint().config());
}

}  // namespace elm
