// The directory in which a run keeps its stage outputs: locked while in use, and never one that
// holds somebody's files.
#pragma once

#include <string>

#include "formats/base/status.h"

namespace elm {

// Owns the directory's lock (flock) until it is destroyed or its process ends, in whatever way.
class Workspace {
 public:
  // Creates the directory with its parents when it is missing. Takes an empty directory or one that
  // Open() made before; refuses any other without touching it. Fails at once when another process
  // holds it. Temporary files of runs that died are removed.
  static Result<Workspace> Open(const std::string& directory);

  // Whether Open() would accept the directory, the lock aside. Changes nothing.
  static Status Check(const std::string& directory);

  Workspace(Workspace&& other) noexcept;
  Workspace& operator=(Workspace&& other) noexcept;
  ~Workspace();

  const std::string& directory() const { return directory_; }
  // "<directory>/<name>".
  std::string Path(const std::string& name) const;
  std::string manifest_path() const { return Path("manifest.json"); }

 private:
  Workspace() = default;

  std::string directory_;
  int lock_ = -1;  // descriptor
};

}  // namespace elm
