// manifest.json: what a run was made from and how far it came.
//
//   {"program": "elmc", "schema": 1, "seed": 1, "config": {...}, "versions": {"elmc": "0.1.0",
//   ...},
//    "inputs": [{"path": ..., "size": ..., "sha256": ...}],
//    "stages": [{"name": ..., "key": ..., "status": "done", "outputs": [{"file": ..., "size": ...,
//    "sha256": ...}]}]}
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "formats/base/status.h"

namespace elm {

struct FileFingerprint {
  std::string
      path;  // an output's path is relative to the workspace, or absolute when it lies elsewhere
  uint64_t size = 0;   // bytes
  std::string sha256;  // 64 lower-case hexadecimal digits

  bool operator==(const FileFingerprint&) const = default;
};

// Measures `path`, taken from `directory` unless it is absolute.
Result<FileFingerprint> Fingerprint(const std::string& directory, const std::string& path);

enum class StageStatus { kRunning, kDone };

struct StageRecord {
  std::string name;
  std::string key;  // see StageKey
  StageStatus status = StageStatus::kRunning;
  std::vector<FileFingerprint> outputs;  // empty while running

  bool operator==(const StageRecord&) const = default;
};

struct Manifest {
  uint64_t seed = 0;
  std::string config =
      "{}";  // the resolved configuration: a JSON object as text; compact when loaded
  std::map<std::string, std::string> versions;  // program, LibTorch, HDF5, SentencePiece
  std::vector<FileFingerprint> inputs;
  std::vector<StageRecord> stages;  // in the order in which they first ran

  bool operator==(const Manifest&) const = default;

  // nullptr when the stage never ran.
  const StageRecord* Find(const std::string& name) const;

  // The stage starts (again): its record is running, with no outputs.
  void Begin(const std::string& name, const std::string& key);
  // The stage that began is done.
  void Finish(const std::string& name, std::vector<FileFingerprint> outputs);
};

// Why a stage's stored output can or cannot be used again.
struct Freshness {
  bool fresh = false;
  std::string reason;  // "is done", "was interrupted", "scores.h5 is missing", ...
};

// Fresh: done under the same key, and every output is there with the recorded size and SHA-256.
Freshness CheckStage(const Manifest& manifest, const std::string& directory,
                     const std::string& name, const std::string& key);

// Atomic. Equal manifests give equal bytes. Refuses text that is not UTF-8 and a config that is not
// a JSON object.
Status SaveManifest(const std::string& path, const Manifest& manifest);

// Refuses what is not JSON, another program's file, another schema, and every missing or ill-typed
// field by its name.
Result<Manifest> LoadManifest(const std::string& path);

}  // namespace elm
