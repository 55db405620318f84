// A whole file, mapped read-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "formats/base/status.h"

namespace elm {

// Movable, not copyable; the mapping ends with the object. Safe to read from several threads.
//
// A file that another process truncates while it is mapped raises SIGBUS on access, as with every
// mapping: writers must replace files by rename (see AtomicFile), never rewrite them in place.
class MappedFile {
 public:
  enum class Access {
    kRandom,      // pages are read as they are touched; no read-ahead past them
    kSequential,  // read once from front to back
  };

  // Fails with kNotFound, kIo (permission, a directory) or kOutOfMemory. An empty file is an empty
  // span.
  static Result<MappedFile> Open(const std::string& path, Access access = Access::kRandom);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const std::string& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

  // Tells the kernel that [offset, offset + size) will be needed soon, or will not be needed again
  // for a while. Hints: failure is ignored, the contents never change.
  void WillNeed(uint64_t offset, uint64_t size) const;
  void DontNeed(uint64_t offset, uint64_t size) const;

 private:
  MappedFile() = default;

  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Reads a whole file into memory. Refuses one larger than `max_bytes`.
Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes);

}  // namespace elm
