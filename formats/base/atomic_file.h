// A file that appears under its final name only when it is complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "formats/base/status.h"

namespace elm {

// Writes to "<path>.tmp-<pid>" beside the target; Commit() syncs it to the disk, renames it over
// `path` and syncs the directory. Without Commit() the destructor removes the temporary file, and
// whatever stood under `path` before is untouched. After kill -9 a stale temporary may stay behind:
// Create() removes those whose process is gone.
class AtomicFile {
 public:
  // Fails early when the directory is missing or not writable.
  static Result<AtomicFile> Create(const std::string& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  const std::string& path() const { return path_; }
  // Where the bytes are until Commit(), for a library that opens files by name.
  const std::string& temporary_path() const { return temporary_path_; }

  // Reserves the disk space up front, so that a full disk is noticed before hours of work.
  Status Reserve(uint64_t size);
  Status WriteAt(uint64_t offset, std::span<const std::byte> bytes);
  Status Commit();

 private:
  AtomicFile() = default;
  void Abandon();

  std::string path_;
  std::string temporary_path_;
  int fd_ = -1;
};

// Create, write, commit.
Status WriteFileAtomically(const std::string& path, std::string_view contents);

}  // namespace elm
