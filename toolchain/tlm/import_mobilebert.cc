#include "toolchain/tlm/import_mobilebert.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "formats/base/mapped_file.h"
#include "formats/checkpoint/safetensors.h"
#include "formats/json/json_text.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/model/torch_compat.h"

namespace elm {
namespace {

constexpr uint64_t kMostVocabularyBytes = uint64_t{1} << 26;

template <typename T>
void Expect(const JsonFields& fields, const char* key, const T& value, const T& expected,
            const char* why) {
  if (value == expected) return;
  throw Error(
      Unsupported(fields.name(), ": ", key, " is ", value, ", expected ", expected, ": ", why));
}

void CheckArchitecture(const JsonFields& fields) {
  const auto text = [&](const char* key, const char* expected, const char* why) {
    Expect<std::string>(fields, key, ValueOrThrow(fields.Text(key, expected)), expected, why);
  };
  const auto flag = [&](const char* key, bool expected, const char* why) {
    const bool value = ValueOrThrow(fields.Flag(key, expected));
    Expect<std::string>(fields, key, value ? "true" : "false", expected ? "true" : "false", why);
  };
  text("model_type", "mobilebert", "other models cannot be imported");
  text("hidden_act", "relu", "the runtime's feed-forward networks have no other activation");
  flag("use_bottleneck", true, "layers without bottleneck are not supported");
  flag("use_bottleneck_attention", false, "values are made from the whole hidden state");
  flag("key_query_shared_bottleneck", true, "queries and keys read one bottleneck");
}

TlmConfig ParseConfig(const JsonFields& fields) {
  CheckArchitecture(fields);
  const auto count = [&](const char* key) { return ValueOrThrow(fields.Count(key)); };
  TlmConfig config;
  config.vocab = count("vocab_size");
  config.positions = count("max_position_embeddings");
  config.token_types = count("type_vocab_size");
  config.embedding = count("embedding_size");
  config.trigram = ValueOrThrow(fields.Flag("trigram_input", true));
  config.hidden = count("hidden_size");
  config.bottleneck = count("intra_bottleneck_size");
  Expect(fields, "true_hidden_size",
         ValueOrThrow(fields.Count("true_hidden_size", config.bottleneck)), config.bottleneck,
         "it is intra_bottleneck_size in every layer");
  config.heads = count("num_attention_heads");
  config.intermediate = count("intermediate_size");
  config.feed_forwards = count("num_feedforward_networks");
  const std::string norm = ValueOrThrow(fields.Text("normalization_type", "no_norm"));
  if (norm != "no_norm" && norm != "layer_norm") {
    throw Error(Unsupported(fields.name(), ": normalization_type is \"", norm,
                            "\", expected no_norm or layer_norm"));
  }
  config.layer_norm = norm == "layer_norm";
  config.norm_epsilon = static_cast<float>(ValueOrThrow(fields.Number("layer_norm_eps", 1e-12)));
  config.layers = count("num_hidden_layers");
  config.shared_layers = config.layers / 2;
  if (!config.trigram && config.embedding != config.hidden) return config;
  if (!config.trigram) {
    throw Error(Unsupported(fields.name(), ": trigram_input is false and embedding_size equals ",
                            "hidden_size; such a checkpoint has no embedding_transformation"));
  }
  return config;
}

// Tensors of a directory's model.safetensors by name.
class StoredTensors {
 public:
  explicit StoredTensors(const std::string& directory)
      : path_(directory + "/model.safetensors"), file_(ValueOrThrow(MappedFile::Open(path_))) {
    for (StoredTensor& tensor : ValueOrThrow(ParseSafetensors(file_.bytes(), path_))) {
      const std::string name = tensor.name;
      tensors_.emplace(name, std::move(tensor));
    }
  }

  // The tensor in float32, of the rows and columns that `spec` says; vectors may be [columns].
  torch::Tensor Take(const std::string& name, uint64_t rows, uint64_t columns, bool vector) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) throw Error(Corruption(path_, ": tensor ", name, " is missing"));
    const StoredTensor& stored = found->second;
    const std::vector<uint64_t> expected =
        vector ? std::vector<uint64_t>{columns} : std::vector<uint64_t>{rows, columns};
    if (stored.shape != expected) {
      throw Error(Corruption(path_, ": ", name, " has the shape ", ShapeText(stored.shape),
                             ", expected ", ShapeText(expected), " by config.json"));
    }
    if (!stored.dtype) {
      throw Error(Unsupported(path_, ": ", name, " is stored as ", stored.type,
                              ", expected F32, F16 or BF16"));
    }
    const torch::Tensor raw =
        torch::from_blob(const_cast<std::byte*>(stored.bytes.data()),
                         std::vector<int64_t>(expected.begin(), expected.end()),
                         TorchDType(*stored.dtype))
            .to(torch::kFloat32)
            .clone();
    if (!raw.isfinite().all().item<bool>()) {
      throw Error(Corruption(path_, ": ", name, " holds a value that is not finite"));
    }
    used_.push_back(name);
    return raw;
  }

  // Refuses tensors that nobody took, but for those of pre-training.
  void CheckAllUsed() const {
    for (const auto& [name, tensor] : tensors_) {
      const bool known = std::find(used_.begin(), used_.end(), name) != used_.end();
      if (known || name.starts_with("cls.") || name.starts_with("mobilebert.pooler.")) continue;
      if (name == "mobilebert.embeddings.position_ids") continue;  // a list of 0, 1, 2, ...
      throw Error(Unsupported(path_, ": tensor ", name, " belongs to no MobileBERT of this shape"));
    }
  }

 private:
  static std::string ShapeText(const std::vector<uint64_t>& shape) {
    std::string text;
    for (const uint64_t extent : shape) text += StrCat(text.empty() ? "" : ", ", extent);
    return "[" + text + "]";
  }

  std::string path_;
  MappedFile file_;
  std::map<std::string, StoredTensor> tensors_;
  std::vector<std::string> used_;
};

}  // namespace

MobileBertFiles ReadMobileBert(const std::string& directory) {
  const std::string path = directory + "/config.json";
  const nlohmann::json json = ReadJsonFile(path);
  if (!json.is_object()) throw Error(Corruption(path, ": is no JSON object"));
  MobileBertFiles files;
  files.config = ParseConfig(JsonFields(json, path));
  const std::string vocabulary = directory + "/vocab.txt";
  if (std::filesystem::exists(vocabulary)) {
    files.vocabulary = ValueOrThrow(ReadFile(vocabulary, kMostVocabularyBytes));
    const auto lines = static_cast<uint64_t>(
        std::count(files.vocabulary.begin(), files.vocabulary.end(), '\n') +
        (files.vocabulary.empty() || files.vocabulary.back() == '\n' ? 0 : 1));
    if (lines != files.config.vocab) {
      throw Error(
          Corruption(vocabulary, ": has ", lines, " pieces, ", path, " says ", files.config.vocab));
    }
  }
  const std::string tokenizer = directory + "/tokenizer_config.json";
  if (std::filesystem::exists(tokenizer)) {
    const nlohmann::json settings = ReadJsonFile(tokenizer);
    files.lower_case = ValueOrThrow(JsonFields(settings, tokenizer).Flag("do_lower_case", true));
  }
  return files;
}

TorchTlm ImportMobileBert(const std::string& directory, const TlmConfig& config, uint64_t seed) {
  const MobileBertFiles files = ReadMobileBert(directory);
  if (config.vocab < files.config.vocab) {
    throw Error(InvalidArgument(directory, ": has ", files.config.vocab,
                                " pieces, more than the tiny LM's ", config.vocab));
  }
  StoredTensors stored(directory);
  TorchTlm model(config, seed);
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < model.specs().size(); ++i) {
    const TlmTensorSpec& spec = model.specs()[i];
    const std::optional<std::string> name = MobileBertName(config, spec);
    if (!name) continue;  // a head
    const uint64_t rows = spec.role == TlmRole::kWords ? files.config.vocab : spec.rows;
    model.tensors()[i]
        .slice(0, 0,
               spec.is_vector() ? static_cast<int64_t>(spec.columns) : static_cast<int64_t>(rows))
        .copy_(stored.Take(*name, rows, spec.columns, spec.is_vector()));
  }
  stored.CheckAllUsed();
  if (config.vocab > files.config.vocab) {
    InitialiseSloTokens(model, config.vocab - files.config.vocab, seed);
  }
  return model;
}

void InitialiseSloTokens(TorchTlm& model, uint32_t count, uint64_t seed) {
  const torch::NoGradGuard no_grad;
  torch::Generator generator = at::detail::createCPUGenerator(seed ^ 0x534C4F);
  torch::Tensor words = model.Get(TlmRole::kWords);
  const int64_t rows = words.size(0) - count;
  const int64_t width = words.size(1);
  const double length = words.slice(0, 0, rows).norm(2, 1).mean().item<double>();
  torch::Tensor fresh = torch::randn({int64_t{count}, width}, generator, torch::kFloat32);
  // Gram and Schmidt, in groups of as many as there are dimensions.
  for (int64_t row = 0; row < int64_t{count}; ++row) {
    torch::Tensor vector = fresh[row];
    for (int64_t other = row - row % width; other < row; ++other) {
      vector.sub_(fresh[other] * vector.dot(fresh[other]) / (length * length));
    }
    vector.mul_(length / vector.norm());
  }
  words.slice(0, rows).copy_(fresh);
}

}  // namespace elm
