#include "toolchain/tlm/tlm_directory.h"

#include <filesystem>
#include <map>

#include "formats/base/atomic_file.h"
#include "formats/base/mapped_file.h"
#include "formats/checkpoint/safetensors.h"
#include "formats/checkpoint/safetensors_writer.h"
#include "formats/json/json_text.h"
#include "formats/workspace/sha256.h"
#include "formats/workspace/stage_key.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/model/torch_compat.h"

namespace elm {
namespace {

constexpr const char* kSettingsFile = "/tlm.json";
constexpr const char* kVocabularyFile = "/vocab.txt";
constexpr const char* kWeightsFile = "/model.safetensors";
constexpr uint64_t kMostVocabularyBytes = uint64_t{1} << 26;

const char* DecisionName(DecisionKind kind) {
  return kind == DecisionKind::kGrid ? "grid" : "classifiers";
}

std::vector<uint32_t> Permille(const JsonFields& fields, const char* key) {
  const nlohmann::json* list = fields.Find(key);
  std::vector<uint32_t> values;
  if (list == nullptr || !list->is_array()) {
    throw Error(Corruption(fields.name(), ": ", key, " is missing, expected a list of numbers"));
  }
  for (const nlohmann::json& value : *list) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > 1000) {
      throw Error(Corruption(fields.name(), ": ", key, " holds ", PrintableJson(value),
                             ", expected thousandths from 1 to 1000"));
    }
    values.push_back(value.get<uint32_t>());
  }
  return values;
}

TlmConfig ConfigFromJson(const nlohmann::json& json, const std::string& where) {
  const JsonFields fields(json, where);
  const auto count = [&](const char* key) { return ValueOrThrow(fields.Count(key)); };
  TlmConfig config;
  config.vocab = count("vocab");
  config.positions = count("positions");
  config.token_types = count("token_types");
  config.embedding = count("embedding");
  config.trigram = ValueOrThrow(fields.Flag("trigram", true));
  config.hidden = count("hidden");
  config.bottleneck = count("bottleneck");
  config.heads = count("heads");
  config.intermediate = count("intermediate");
  config.feed_forwards = count("feed_forwards");
  config.layer_norm = ValueOrThrow(fields.Flag("layer_norm", false));
  config.norm_epsilon = static_cast<float>(ValueOrThrow(fields.Number("norm_epsilon", 1e-12)));
  config.layers = count("layers");
  config.shared_layers = count("shared_layers");
  config.prompt_levels = count("prompt_levels");
  config.model_levels = count("model_levels");
  return config;
}

nlohmann::json ConfigToJson(const TlmConfig& config) {
  return {{"vocab", config.vocab},
          {"positions", config.positions},
          {"token_types", config.token_types},
          {"embedding", config.embedding},
          {"trigram", config.trigram},
          {"hidden", config.hidden},
          {"bottleneck", config.bottleneck},
          {"heads", config.heads},
          {"intermediate", config.intermediate},
          {"feed_forwards", config.feed_forwards},
          {"layer_norm", config.layer_norm},
          {"norm_epsilon", config.norm_epsilon},
          {"layers", config.layers},
          {"shared_layers", config.shared_layers},
          {"prompt_levels", config.prompt_levels},
          {"model_levels", config.model_levels}};
}

TlmSettings SettingsFromJson(const nlohmann::json& json, const std::string& path) {
  const JsonFields fields(json, path);
  const nlohmann::json* config = fields.Find("config");
  const nlohmann::json* prompt = fields.Find("prompt");
  if (config == nullptr || !config->is_object() || prompt == nullptr || !prompt->is_object()) {
    throw Error(Corruption(path, ": config or prompt is missing, expected objects"));
  }
  TlmSettings settings;
  settings.config = ConfigFromJson(*config, path + ": config");
  settings.lower_case = ValueOrThrow(fields.Flag("lower_case", true));
  settings.ttft_permille = Permille(fields, "ttft_permille");
  settings.tpot_permille = Permille(fields, "tpot_permille");
  settings.prompt_levels_permille = Permille(fields, "prompt_levels_permille");
  settings.model_levels_permille = Permille(fields, "model_levels_permille");
  const JsonFields texts(*prompt, path + ": prompt");
  settings.prompt.question_prefix = ValueOrThrow(texts.Text("question_prefix"));
  settings.prompt.question_suffix = ValueOrThrow(texts.Text("question_suffix"));
  settings.prompt.joiner = ValueOrThrow(texts.Text("joiner"));
  const std::string decision = ValueOrThrow(fields.Text("decision", "grid"));
  if (decision != "grid" && decision != "classifiers") {
    throw Error(Corruption(path, ": decision is \"", decision, "\", expected grid or classifiers"));
  }
  settings.decision = decision == "grid" ? DecisionKind::kGrid : DecisionKind::kClassifiers;
  settings.window_overlap = ValueOrThrow(fields.Count("window_overlap"));
  settings.short_prompt_tokens = ValueOrThrow(fields.Count("short_prompt_tokens"));
  return settings;
}

}  // namespace

nlohmann::json ToJson(const TlmSettings& settings) {
  return {{"config", ConfigToJson(settings.config)},
          {"lower_case", settings.lower_case},
          {"ttft_permille", settings.ttft_permille},
          {"tpot_permille", settings.tpot_permille},
          {"prompt_levels_permille", settings.prompt_levels_permille},
          {"model_levels_permille", settings.model_levels_permille},
          {"prompt",
           {{"question_prefix", settings.prompt.question_prefix},
            {"question_suffix", settings.prompt.question_suffix},
            {"joiner", settings.prompt.joiner}}},
          {"decision", DecisionName(settings.decision)},
          {"window_overlap", settings.window_overlap},
          {"short_prompt_tokens", settings.short_prompt_tokens}};
}

std::string TlmKey(const TlmSettings& settings, const TorchTlm& model) {
  StageKey key;
  key.Add("settings", ToJson(settings).dump()).Add("vocabulary", settings.vocabulary);
  for (size_t i = 0; i < model.specs().size(); ++i) {
    const torch::Tensor values = model.tensors()[i].contiguous();
    key.Add(TlmTensorName(model.specs()[i]),
            std::string_view(reinterpret_cast<const char*>(values.data_ptr<float>()),
                             static_cast<size_t>(values.numel()) * sizeof(float)));
  }
  return key.Hex();
}

bool IsTlmDirectory(const std::string& directory) {
  return std::filesystem::exists(directory + kSettingsFile);
}

std::string HashTlmFolder(const std::string& directory) {
  std::string hashes;
  for (const char* name : {kSettingsFile, "/config.json", kVocabularyFile, kWeightsFile}) {
    const std::string path = directory + name;
    if (std::filesystem::exists(path)) hashes += ValueOrThrow(Sha256OfFile(path));
  }
  if (hashes.empty()) {
    throw Error(
        NotFound(directory,
                 ": is no tiny LM; expected a folder of `elmc tlm score` or a "
                 "Hugging Face MobileBERT with config.json, vocab.txt and model.safetensors"));
  }
  return Sha256OfString(hashes);
}

void SaveTlm(const std::string& directory, const TlmSettings& settings, const TorchTlm& model,
             const nlohmann::json& provenance, DType dtype) {
  ThrowIfError(Validate(settings));
  std::filesystem::create_directories(directory);
  std::vector<torch::Tensor> held;
  std::vector<TensorToWrite> tensors;
  for (size_t i = 0; i < model.specs().size(); ++i) {
    const TlmTensorSpec& spec = model.specs()[i];
    const DType type = spec.is_vector() ? DType::kF32 : dtype;
    held.push_back(model.tensors()[i].detach().to(TorchDType(type)).contiguous());
    const torch::Tensor& values = held.back();
    std::vector<uint64_t> shape;
    if (!spec.is_vector()) shape.push_back(spec.rows);
    shape.push_back(spec.columns);
    tensors.push_back({TlmTensorName(spec), type, shape,
                       std::span(static_cast<const std::byte*>(values.data_ptr()),
                                 static_cast<size_t>(values.nbytes()))});
  }
  ThrowIfError(WriteSafetensors(directory + kWeightsFile, tensors));
  ThrowIfError(WriteFileAtomically(directory + kVocabularyFile, settings.vocabulary));
  nlohmann::json json = ToJson(settings);
  json["provenance"] = provenance;
  WriteJsonFile(directory + kSettingsFile, json);
}

StoredTlm LoadTlm(const std::string& directory) {
  const std::string settings_path = directory + kSettingsFile;
  const nlohmann::json json = ReadJsonFile(settings_path);
  if (!json.is_object()) throw Error(Corruption(settings_path, ": is no JSON object"));
  TlmSettings settings = SettingsFromJson(json, settings_path);
  settings.vocabulary = ValueOrThrow(ReadFile(directory + kVocabularyFile, kMostVocabularyBytes));
  ThrowIfError(Validate(settings).In(settings_path));

  const std::string weights_path = directory + kWeightsFile;
  const MappedFile file = ValueOrThrow(MappedFile::Open(weights_path));
  std::map<std::string, StoredTensor> stored;
  for (StoredTensor& tensor : ValueOrThrow(ParseSafetensors(file.bytes(), weights_path))) {
    const std::string name = tensor.name;
    stored.emplace(name, std::move(tensor));
  }
  TorchTlm model(settings.config, /*seed=*/0);
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < model.specs().size(); ++i) {
    const TlmTensorSpec& spec = model.specs()[i];
    const std::string name = TlmTensorName(spec);
    const auto found = stored.find(name);
    std::vector<uint64_t> shape;
    if (!spec.is_vector()) shape.push_back(spec.rows);
    shape.push_back(spec.columns);
    if (found == stored.end() || found->second.shape != shape || !found->second.dtype) {
      throw Error(Corruption(weights_path, ": tensor ", name, " is missing, of another shape or ",
                             "of a type that is not F32, F16 or BF16; ", settings_path,
                             " describes another tiny LM"));
    }
    const torch::Tensor values =
        torch::from_blob(const_cast<std::byte*>(found->second.bytes.data()),
                         std::vector<int64_t>(shape.begin(), shape.end()),
                         TorchDType(*found->second.dtype))
            .to(torch::kFloat32);
    if (!values.isfinite().all().item<bool>()) {
      throw Error(Corruption(weights_path, ": ", name, " holds a value that is not finite"));
    }
    model.tensors()[i].copy_(values);
  }
  nlohmann::json provenance = json.value("provenance", nlohmann::json::object());
  return {std::move(settings), std::move(model), std::move(provenance)};
}

}  // namespace elm
