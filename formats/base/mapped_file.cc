#include "formats/base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "formats/base/checked_math.h"

namespace elm {
namespace {

void Advise(const std::byte* data, size_t file_size, uint64_t offset, uint64_t size, int advice) {
  if (!RangeFits(offset, size, file_size) || size == 0) return;
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t begin = offset / page * page;
  madvise(const_cast<std::byte*>(data) + begin, offset + size - begin, advice);
}

Result<const std::byte*> Map(int fd, size_t size, MappedFile::Access access,
                             const std::string& path) {
  void* address = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return IoError(errno, StrCat(path, ": cannot map ", size, " bytes"));
  const bool random = access == MappedFile::Access::kRandom;
  madvise(address, size, random ? MADV_RANDOM : MADV_SEQUENTIAL);
  // Where the page cache holds the file in huge pages, one touch would map two megabytes; a level
  // of a bundle touches many short runs and must not pay for what lies between them.
  if (random) madvise(address, size, MADV_NOHUGEPAGE);
  return static_cast<const std::byte*>(address);
}

Result<const std::byte*> Copy(int fd, size_t size, const std::string& path) {
  void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED)
    return IoError(errno, StrCat(path, ": no ", size, " bytes to copy to"));
  madvise(address, size, MADV_HUGEPAGE);
  auto* bytes = static_cast<std::byte*>(address);
  size_t done = 0;
  while (done < size) {
    const ssize_t count = pread(fd, bytes + done, size - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const Status status =
          count < 0 ? IoError(errno, path)
                    : Status(StatusCode::kIo, StrCat(path, ": ends after ", done, " of ", size,
                                                     " bytes; it changed while it was read"));
      munmap(address, size);
      return status;
    }
    done += static_cast<size_t>(count);
  }
  mprotect(address, size, PROT_READ);
  return static_cast<const std::byte*>(bytes);
}

// Closes the descriptor on every path out.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

}  // namespace

Result<MappedFile> MappedFile::Open(const std::string& path, Access access) {
  // O_NONBLOCK: a named pipe is refused below instead of waited for.
  Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return IoError(errno, path);
  struct stat info;
  if (fstat(file.fd, &info) != 0) return IoError(errno, path);
  if (S_ISDIR(info.st_mode)) return IoError(EISDIR, path);
  if (!S_ISREG(info.st_mode)) {
    return Status(StatusCode::kIo, StrCat(path, ": not a regular file, so it cannot be mapped"));
  }

  MappedFile opened;
  opened.path_ = path;
  opened.size_ = static_cast<size_t>(info.st_size);
  if (opened.size_ == 0) return opened;
  const auto bytes = access == Access::kCopy ? Copy(file.fd, opened.size_, path)
                                             : Map(file.fd, opened.size_, access, path);
  if (!bytes.ok()) {
    opened.size_ = 0;
    return bytes.status();
  }
  opened.data_ = *bytes;
  if (access != Access::kCopy) std::swap(opened.fd_, file.fd);
  return opened;
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
  if (fd_ >= 0) close(fd_);
}

Status MappedFile::CheckSize() const {
  struct stat info;
  if (fd_ < 0 || fstat(fd_, &info) != 0) return Status::Ok();
  if (static_cast<uint64_t>(info.st_size) >= size_) return Status::Ok();
  return Status(StatusCode::kIo,
                StrCat(path_, ": has shrunk from ", size_, " to ", info.st_size,
                       " bytes while it was in use; put the whole file back and open it again"));
}

void MappedFile::WillNeed(uint64_t offset, uint64_t size) const {
  Advise(data_, size_, offset, size, MADV_WILLNEED);
}

void MappedFile::DontNeed(uint64_t offset, uint64_t size) const {
  if (fd_ < 0) return;  // a copy would be lost
  Advise(data_, size_, offset, size, MADV_DONTNEED);
}

Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes) {
  Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return IoError(errno, path);
  std::string contents;
  char buffer[1 << 16];
  while (true) {
    const ssize_t count = read(file.fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return IoError(errno, path);
    if (count == 0) return contents;
    contents.append(buffer, static_cast<size_t>(count));
    if (contents.size() > max_bytes) {
      return InvalidArgument(path, ": larger than ", max_bytes,
                             " bytes, the most that is read here");
    }
  }
}

}  // namespace elm
