// A whole file as read-only memory: mapped, or copied.
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
// CheckSize() finds out in time unless it happens between the check and the access.
class MappedFile {
 public:
  enum class Access {
    kRandom,      // pages are read as they are touched; no read-ahead past them
    kSequential,  // read once from front to back
    kCopy,        // read at once into memory of this process, in huge pages where there are any
  };

  // Fails with kNotFound, kIo (permission, a directory, an error while copying) or kOutOfMemory. An
  // empty file is an empty span.
  static Result<MappedFile> Open(const std::string& path, Access access = Access::kRandom);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const std::string& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  bool copied() const { return data_ != nullptr && fd_ < 0; }

  // Fails with kIo when the file has become shorter since it was mapped. Costs a system call.
  Status CheckSize() const;

  // Tells the kernel that [offset, offset + size) will be needed soon, or will not be needed again
  // for a while. Hints: failure is ignored, the contents never change.
  void WillNeed(uint64_t offset, uint64_t size) const;
  void DontNeed(uint64_t offset, uint64_t size) const;

 private:
  MappedFile() = default;

  std::string path_;
  int fd_ = -1;  // kept open while mapped, for CheckSize(); -1 when copied
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Reads a whole file into memory. Refuses one larger than `max_bytes`.
Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes);

}  // namespace elm
