#include "formats/workspace/manifest.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "formats/workspace/sha256.h"

namespace elm {
namespace {

namespace fs = std::filesystem;

// Empty when the output is as recorded, else what is wrong with it.
std::string Difference(const FileFingerprint& recorded, const std::string& directory) {
  const Result<FileFingerprint> actual = Fingerprint(directory, recorded.path);
  if (!actual.ok()) {
    if (actual.status().code() == StatusCode::kNotFound) return recorded.path + " is missing";
    return actual.status().message();
  }
  if (actual->size != recorded.size) {
    return StrCat(recorded.path, " has ", actual->size, " bytes, expected ", recorded.size);
  }
  if (actual->sha256 != recorded.sha256) {
    return StrCat(recorded.path, " has changed: SHA-256 is ", actual->sha256, ", expected ",
                  recorded.sha256);
  }
  return "";
}

}  // namespace

Result<FileFingerprint> Fingerprint(const std::string& directory, const std::string& path) {
  const std::string full_path = (fs::path(directory) / path).string();
  std::error_code error;
  FileFingerprint file{path, fs::file_size(full_path, error), ""};
  if (error) return IoError(error.value(), full_path);
  ELM_ASSIGN_OR_RETURN(file.sha256, Sha256OfFile(full_path));
  return file;
}

const StageRecord* Manifest::Find(const std::string& name) const {
  const auto found = std::find_if(stages.begin(), stages.end(),
                                  [&](const StageRecord& stage) { return stage.name == name; });
  return found == stages.end() ? nullptr : &*found;
}

void Manifest::Begin(const std::string& name, const std::string& key) {
  const StageRecord record{name, key, StageStatus::kRunning, {}};
  for (StageRecord& stage : stages) {
    if (stage.name == name) {
      stage = record;
      return;
    }
  }
  stages.push_back(record);
}

void Manifest::Finish(const std::string& name, std::vector<FileFingerprint> outputs) {
  for (StageRecord& stage : stages) {
    if (stage.name != name) continue;
    stage.status = StageStatus::kDone;
    stage.outputs = std::move(outputs);
    return;
  }
}

Freshness CheckStage(const Manifest& manifest, const std::string& directory,
                     const std::string& name, const std::string& key) {
  const StageRecord* stage = manifest.Find(name);
  if (stage == nullptr) return {false, "has not run yet"};
  if (stage->status != StageStatus::kDone) return {false, "was interrupted"};
  if (stage->key != key) return {false, "something it depends on has changed"};
  for (const FileFingerprint& output : stage->outputs) {
    std::string difference = Difference(output, directory);
    if (!difference.empty()) return {false, std::move(difference)};
  }
  return {true, "is done"};
}

}  // namespace elm
