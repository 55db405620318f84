#include <nlohmann/json.hpp>
#include <optional>

#include "formats/base/atomic_file.h"
#include "formats/base/mapped_file.h"
#include "formats/base/utf8.h"
#include "formats/workspace/manifest.h"

namespace elm {
namespace {

using nlohmann::json;

constexpr const char* kProgram = "elmc";
constexpr uint64_t kSchema = 1;
constexpr uint64_t kMaxBytes = uint64_t{1} << 26;
constexpr const char* kRunning = "running";
constexpr const char* kDone = "done";

Status CheckUtf8(const std::string& where, const std::string& text) {
  const std::optional<size_t> bad = FindInvalidUtf8(text);
  if (!bad) return Status::Ok();
  return InvalidArgument(where, ": is not UTF-8 at byte ", *bad, "; rename the file");
}

Result<json> FilesToJson(const char* path_field, const std::vector<FileFingerprint>& files) {
  json list = json::array();
  for (const FileFingerprint& file : files) {
    ELM_RETURN_IF_ERROR(CheckUtf8(path_field, file.path));
    list.push_back({{path_field, file.path}, {"size", file.size}, {"sha256", file.sha256}});
  }
  return list;
}

Result<json> StagesToJson(const std::vector<StageRecord>& stages) {
  json list = json::array();
  for (const StageRecord& stage : stages) {
    ELM_RETURN_IF_ERROR(CheckUtf8("stage name", stage.name));
    ELM_RETURN_IF_ERROR(CheckUtf8("stage key", stage.key));
    ELM_ASSIGN_OR_RETURN(json outputs, FilesToJson("file", stage.outputs));
    list.push_back({{"name", stage.name},
                    {"key", stage.key},
                    {"status", stage.status == StageStatus::kDone ? kDone : kRunning},
                    {"outputs", std::move(outputs)}});
  }
  return list;
}

Result<json> ManifestToJson(const Manifest& manifest) {
  json config = json::parse(manifest.config, nullptr, false);
  if (!config.is_object()) return InvalidArgument("config: is not a JSON object");
  for (const auto& [name, version] : manifest.versions) {
    ELM_RETURN_IF_ERROR(CheckUtf8("versions", name));
    ELM_RETURN_IF_ERROR(CheckUtf8(name, version));
  }
  ELM_ASSIGN_OR_RETURN(json inputs, FilesToJson("path", manifest.inputs));
  ELM_ASSIGN_OR_RETURN(json stages, StagesToJson(manifest.stages));
  return json{{"program", kProgram},           {"schema", kSchema},
              {"seed", manifest.seed},         {"config", std::move(config)},
              {"versions", manifest.versions}, {"inputs", std::move(inputs)},
              {"stages", std::move(stages)}};
}

// Reading: `where` is the path of fields so far, e.g. "stages[2]".

std::string Join(const std::string& where, const std::string& field) {
  return where.empty() ? field : StrCat(where, ".", field);
}

Result<const json*> Field(const json& object, const char* field, json::value_t type,
                          const std::string& where) {
  if (!object.is_object()) {
    return Corruption(where, ": is ", object.type_name(), ", expected object");
  }
  const auto found = object.find(field);
  if (found == object.end()) return Corruption(Join(where, field), ": is missing");
  if (found->type() != type) {
    return Corruption(
        Join(where, field), ": is ", found->type_name(), ", expected ",
        type == json::value_t::number_unsigned ? "a whole number" : json(type).type_name());
  }
  return &*found;
}

Result<std::string> TextField(const json& object, const char* field, const std::string& where) {
  ELM_ASSIGN_OR_RETURN(const json* value, Field(object, field, json::value_t::string, where));
  return value->get<std::string>();
}

Result<uint64_t> NumberField(const json& object, const char* field, const std::string& where) {
  ELM_ASSIGN_OR_RETURN(const json* value,
                       Field(object, field, json::value_t::number_unsigned, where));
  return value->get<uint64_t>();
}

bool IsHexSha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<std::string> HashField(const json& object, const char* field, const std::string& where) {
  ELM_ASSIGN_OR_RETURN(std::string hash, TextField(object, field, where));
  if (IsHexSha256(hash)) return hash;
  return Corruption(Join(where, field), ": is \"", hash,
                    "\", expected 64 lower-case hexadecimal digits");
}

Result<std::vector<FileFingerprint>> FilesField(const json& object, const char* field,
                                                const char* path_field, const std::string& where) {
  ELM_ASSIGN_OR_RETURN(const json* list, Field(object, field, json::value_t::array, where));
  std::vector<FileFingerprint> files;
  for (const json& entry : *list) {
    const std::string entry_name = StrCat(Join(where, field), "[", files.size(), "]");
    FileFingerprint file;
    ELM_ASSIGN_OR_RETURN(file.path, TextField(entry, path_field, entry_name));
    ELM_ASSIGN_OR_RETURN(file.size, NumberField(entry, "size", entry_name));
    ELM_ASSIGN_OR_RETURN(file.sha256, HashField(entry, "sha256", entry_name));
    files.push_back(std::move(file));
  }
  return files;
}

Result<StageRecord> ReadStage(const json& entry, const std::string& where) {
  StageRecord stage;
  ELM_ASSIGN_OR_RETURN(stage.name, TextField(entry, "name", where));
  ELM_ASSIGN_OR_RETURN(stage.key, HashField(entry, "key", where));
  ELM_ASSIGN_OR_RETURN(const std::string status, TextField(entry, "status", where));
  if (status != kRunning && status != kDone) {
    return Corruption(where, ".status: is \"", status, "\", expected \"", kRunning, "\" or \"",
                      kDone, "\"");
  }
  stage.status = status == kDone ? StageStatus::kDone : StageStatus::kRunning;
  ELM_ASSIGN_OR_RETURN(stage.outputs, FilesField(entry, "outputs", "file", where));
  return stage;
}

Result<std::vector<StageRecord>> ReadStages(const json& root) {
  ELM_ASSIGN_OR_RETURN(const json* list, Field(root, "stages", json::value_t::array, ""));
  std::vector<StageRecord> stages;
  for (const json& entry : *list) {
    ELM_ASSIGN_OR_RETURN(StageRecord stage,
                         ReadStage(entry, StrCat("stages[", stages.size(), "]")));
    for (const StageRecord& earlier : stages) {
      if (earlier.name == stage.name) {
        return Corruption("stages: names \"", stage.name, "\" twice");
      }
    }
    stages.push_back(std::move(stage));
  }
  return stages;
}

Result<std::map<std::string, std::string>> ReadVersions(const json& root) {
  ELM_ASSIGN_OR_RETURN(const json* object, Field(root, "versions", json::value_t::object, ""));
  std::map<std::string, std::string> versions;
  for (const auto& entry : object->items()) {
    if (!entry.value().is_string())
      return Corruption("versions.", entry.key(), ": is not a string");
    versions[entry.key()] = entry.value().get<std::string>();
  }
  return versions;
}

Status CheckOrigin(const json& root) {
  if (!root.is_object()) return Corruption("is not a JSON object; remove the workspace");
  ELM_ASSIGN_OR_RETURN(const std::string program, TextField(root, "program", ""));
  if (program != kProgram) {
    return Corruption("belongs to the program \"", program, "\", expected \"", kProgram, "\"");
  }
  ELM_ASSIGN_OR_RETURN(const uint64_t schema, NumberField(root, "schema", ""));
  if (schema != kSchema) {
    return Unsupported("has schema ", schema, ", this program reads schema ", kSchema,
                       "; choose another workspace");
  }
  return Status::Ok();
}

Result<Manifest> ManifestFromJson(const json& root) {
  ELM_RETURN_IF_ERROR(CheckOrigin(root));
  Manifest manifest;
  ELM_ASSIGN_OR_RETURN(manifest.seed, NumberField(root, "seed", ""));
  ELM_ASSIGN_OR_RETURN(const json* config, Field(root, "config", json::value_t::object, ""));
  manifest.config = config->dump();
  ELM_ASSIGN_OR_RETURN(manifest.versions, ReadVersions(root));
  ELM_ASSIGN_OR_RETURN(manifest.inputs, FilesField(root, "inputs", "path", ""));
  ELM_ASSIGN_OR_RETURN(manifest.stages, ReadStages(root));
  return manifest;
}

}  // namespace

Status SaveManifest(const std::string& path, const Manifest& manifest) {
  const Result<json> root = ManifestToJson(manifest);
  if (!root.ok()) return root.status().In(path);
  return WriteFileAtomically(path, root->dump(2) + "\n");
}

Result<Manifest> LoadManifest(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxBytes));
  const json root = json::parse(text, nullptr, false);
  if (root.is_discarded()) {
    return Corruption(path, ": is not JSON; remove the workspace and run again");
  }
  Result<Manifest> manifest = ManifestFromJson(root);
  if (!manifest.ok()) return manifest.status().In(path);
  return manifest;
}

}  // namespace elm
