#include "formats/checkpoint/huggingface.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "formats/base/mapped_file.h"
#include "formats/base/printable.h"
#include "formats/checkpoint/huggingface_config.h"
#include "formats/checkpoint/huggingface_tokens.h"
#include "formats/checkpoint/mapped_checkpoint.h"
#include "formats/checkpoint/match_tensors.h"
#include "formats/checkpoint/safetensors.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";
constexpr uint64_t kMaxConfig = 16U << 20;
constexpr uint64_t kMaxIndex = 64U << 20;
constexpr size_t kMaxShards = 4096;

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// Which file each tensor lies in, by the index.
using WeightMap = std::map<std::string, std::string, std::less<>>;

// The files of a directory's weights, mapped, with their tensors.
struct Weights {
  std::vector<MappedFile> files;
  TensorsByName tensors;
  std::vector<std::string> other_files;  // the index
};

// A file name that cannot lead out of the directory.
bool IsPlainFileName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

Result<WeightMap> ParseIndex(std::string_view text, const std::string& name) {
  ELM_ASSIGN_OR_RETURN(const json index, ParseJson(text, name));
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (map == index.end() || !map->is_object()) {
    return Corruption(name, ": weight_map is missing or no object");
  }
  WeightMap weight_map;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string() || !IsPlainFileName(file.get<std::string>())) {
      return Corruption(name, ": ", Printable(tensor), " lies in ", PrintableJson(file),
                        ", expected the name of a file of the same directory");
    }
    weight_map.emplace(tensor, file.get<std::string>());
  }
  return weight_map;
}

Status AddFile(const std::string& path, Weights& weights) {
  ELM_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path, MappedFile::Access::kSequential));
  ELM_ASSIGN_OR_RETURN(std::vector<StoredTensor> tensors, ParseSafetensors(file.bytes(), path));
  for (StoredTensor& tensor : tensors) {
    const auto [place, added] = weights.tensors.try_emplace(tensor.name, tensor);
    if (!added) {
      return Corruption(path, ": tensor ", Printable(tensor.name), " lies in ", place->second.file,
                        " as well");
    }
  }
  weights.files.push_back(std::move(file));
  return Status::Ok();
}

// What the index says and what the files hold must be the same.
Status CheckIndex(const WeightMap& weight_map, const Weights& weights, const std::string& directory,
                  const std::string& index_path) {
  for (const auto& [name, file] : weight_map) {
    const auto found = weights.tensors.find(name);
    if (found == weights.tensors.end() || found->second.file != StrCat(directory, "/", file)) {
      return Corruption(index_path, ": tensor ", Printable(name), " is not in ", Printable(file));
    }
  }
  for (const auto& [name, tensor] : weights.tensors) {
    if (!weight_map.contains(name)) {
      return Corruption(tensor.file, ": tensor ", Printable(name), " is not listed in ",
                        index_path);
    }
  }
  return Status::Ok();
}

Result<Weights> OpenShards(const std::string& directory) {
  const std::string index_path = directory + "/" + kIndexFile;
  ELM_ASSIGN_OR_RETURN(const std::string text, ReadFile(index_path, kMaxIndex));
  ELM_ASSIGN_OR_RETURN(const WeightMap weight_map, ParseIndex(text, index_path));
  std::set<std::string> names;
  for (const auto& [tensor, file] : weight_map) names.insert(file);
  if (names.size() > kMaxShards) {
    return Corruption(index_path, ": names ", names.size(), " files, expected at most ",
                      kMaxShards);
  }
  Weights weights;
  weights.other_files.push_back(index_path);
  for (const std::string& name : names) {
    ELM_RETURN_IF_ERROR(AddFile(StrCat(directory, "/", name), weights));
  }
  ELM_RETURN_IF_ERROR(CheckIndex(weight_map, weights, directory, index_path));
  return weights;
}

// The first file of the directory that Python's pickle wrote, or empty.
std::string FindPickle(const std::string& directory) {
  std::string first;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string extension = entry->path().extension().string();
    if (extension != ".bin" && extension != ".pt" && extension != ".pth") continue;
    const std::string name = entry->path().filename().string();
    if (first.empty() || name < first) first = name;
  }
  return first;
}

Result<Weights> OpenWeights(const std::string& directory) {
  const std::string single = directory + "/" + kSingleFile;
  if (Exists(single)) {
    Weights weights;
    ELM_RETURN_IF_ERROR(AddFile(single, weights));
    return weights;
  }
  if (Exists(directory + "/" + kIndexFile)) return OpenShards(directory);
  const std::string pickle = FindPickle(directory);
  if (!pickle.empty()) {
    return Unsupported(directory, "/", pickle,
                       ": weights in Python's pickle format can run code "
                       "when they are opened and are not read; convert them to safetensors");
  }
  return NotFound(directory, ": neither ", kSingleFile, " nor ", kIndexFile, " is there");
}

// Hugging Face ties the head whatever is stored; a stored one that says something else is a sign
// that the configuration belongs to other weights.
Status DropTiedHead(const ModelConfig& config, const std::string& config_path,
                    TensorsByName& tensors) {
  const std::string head = TensorName(TensorRole::kHead, 0);
  const auto found = tensors.find(head);
  if (!config.tied_head || found == tensors.end()) return Status::Ok();
  if (!SameTensor(tensors, head, TensorName(TensorRole::kEmbedding, 0))) {
    return Corruption(config_path, ": tie_word_embeddings is true, but ", head, " in ",
                      found->second.file, " differs from the embedding");
  }
  tensors.erase(found);
  return Status::Ok();
}

bool IsRotaryTable(std::string_view name) { return name.ends_with("rotary_emb.inv_freq"); }

}  // namespace

Result<std::unique_ptr<Checkpoint>> OpenHuggingFace(const std::string& directory) {
  const std::string config_path = directory + "/config.json";
  ELM_ASSIGN_OR_RETURN(const std::string config_text, ReadFile(config_path, kMaxConfig));
  ELM_ASSIGN_OR_RETURN(const json config, ParseJson(config_text, config_path));
  CheckpointContents contents;
  contents.form = "Hugging Face directory";
  ELM_ASSIGN_OR_RETURN(contents.config, ParseHuggingFaceConfig(config, config_path));
  ELM_ASSIGN_OR_RETURN(HuggingFaceTokens tokens,
                       ReadHuggingFaceTokens(directory, config, contents.config.vocab));
  contents.special_tokens = std::move(tokens.tokens);
  ELM_ASSIGN_OR_RETURN(Weights weights, OpenWeights(directory));
  ELM_RETURN_IF_ERROR(DropTiedHead(contents.config, config_path, weights.tensors));

  const TensorNaming naming{.where = directory,
                            .config_name = "config.json",
                            .stored_name = [](const TensorSpec& spec) { return spec.name; },
                            .may_ignore = IsRotaryTable};
  ELM_ASSIGN_OR_RETURN(const std::vector<const StoredTensor*> matched,
                       MatchTensors(weights.tensors, contents.config, naming));
  const std::vector<TensorSpec> specs = ListTensors(contents.config);
  for (size_t i = 0; i < specs.size(); ++i) {
    contents.tensors.push_back({specs[i], *matched[i]->dtype});
    contents.sources.push_back({.bytes = matched[i]->bytes});
  }
  std::vector<std::string> other_files = std::move(tokens.files);
  other_files.push_back(config_path);
  other_files.insert(other_files.end(), weights.other_files.begin(), weights.other_files.end());
  const std::string tokenizer = directory + "/tokenizer.model";
  return std::unique_ptr<Checkpoint>(
      std::make_unique<MappedCheckpoint>(std::move(contents), std::move(weights.files), other_files,
                                         Exists(tokenizer) ? tokenizer : ""));
}

}  // namespace elm
