#include "toolchain/pipeline/run_shape.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "formats/base/mapped_file.h"
#include "formats/checkpoint/huggingface_config.h"
#include "formats/json/json_text.h"
#include "toolchain/base/error.h"
#include "toolchain/pack/synthesize.h"

namespace elm {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostConfigBytes = uint64_t{1} << 24;
// SentencePiece models have about this many bytes for each piece.
constexpr uint64_t kBytesPerPiece = 16;

bool HasWeights(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.find(".safetensors") != std::string::npos || name.ends_with(".bin") ||
        name.ends_with(".pt") || name.ends_with(".pth")) {
      return true;
    }
  }
  return false;
}

// What the types of a run without a checkpoint come to.
RunShape WithTypes(RunShape shape, const std::string& stored) {
  const PrepareOptions& options = shape.options;
  shape.checkpoint_element = stored == "float32" ? 4 : 2;
  const WeightType as_stored = stored == "bfloat16" ? WeightType::kBf16 : WeightType::kF16;
  shape.weights = options.quant.value_or(as_stored);
  shape.vocabulary = options.vocab_quant.value_or(VocabularyType(shape.weights));
  shape.tokenizer_bytes = kBytesPerPiece * shape.config.vocab;
  return shape;
}

RunShape FromConfigFile(const PrepareOptions& options) {
  const std::string path = options.checkpoint + "/config.json";
  const std::string text = ValueOrThrow(ReadFile(path, kMostConfigBytes));
  const nlohmann::json json = ValueOrThrow(ParseJson(text, path));
  RunShape shape;
  shape.name = options.checkpoint;
  shape.config = ValueOrThrow(ParseHuggingFaceConfig(json, path));
  shape.options = options;
  const bool says = json.contains("torch_dtype") && json["torch_dtype"].is_string();
  return WithTypes(std::move(shape), says ? json["torch_dtype"].get<std::string>() : "float32");
}

}  // namespace

uint64_t RunShape::layer_weights() const {
  return config.layers *
         SliceWeights(config, {config.query_heads, config.kv_heads, config.neurons});
}

uint64_t RunShape::vocabulary_weights() const { return uint64_t{config.vocab} * config.width; }

uint64_t RunShape::all_weights() const {
  return layer_weights() + (config.tied_head ? 1 : 2) * vocabulary_weights();
}

RunShape ShapeOf(RunContext& context) {
  RunShape shape;
  shape.name = context.options().checkpoint;
  shape.config = context.checkpoint().config();
  shape.options = context.options();
  shape.weights = context.weights();
  shape.vocabulary = context.vocabulary();
  shape.checkpoint_element = DTypeSize(context.checkpoint().tensors().front().dtype);
  shape.tokenizer_bytes = context.tokenizer_bytes().size();
  return shape;
}

std::optional<RunShape> ShapeWithoutWeights(const PrepareOptions& options) {
  if (!options.shape.empty()) {
    if (!options.checkpoint.empty()) {
      throw Error(InvalidArgument("--shape ", options.shape,
                                  " stands for a model without weights; ", "leave the checkpoint ",
                                  options.checkpoint, " out"));
    }
    RunShape shape;
    shape.name = options.shape;
    shape.config = FindShape(options.shape).config;
    shape.options = options;
    return WithTypes(std::move(shape), "bfloat16");
  }
  std::error_code error;
  if (!fs::is_directory(options.checkpoint, error)) return std::nullopt;
  if (!fs::exists(options.checkpoint + "/config.json", error)) return std::nullopt;
  if (HasWeights(options.checkpoint)) return std::nullopt;
  return FromConfigFile(options);
}

}  // namespace elm
