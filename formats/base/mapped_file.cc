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

  MappedFile mapped;
  mapped.path_ = path;
  mapped.size_ = static_cast<size_t>(info.st_size);
  if (mapped.size_ == 0) return mapped;
  void* address = mmap(nullptr, mapped.size_, PROT_READ, MAP_SHARED, file.fd, 0);
  if (address == MAP_FAILED) {
    mapped.size_ = 0;
    return IoError(errno, StrCat(path, ": cannot map ", info.st_size, " bytes"));
  }
  mapped.data_ = static_cast<const std::byte*>(address);
  madvise(address, mapped.size_, access == Access::kRandom ? MADV_RANDOM : MADV_SEQUENTIAL);
  // Where the page cache holds the file in huge pages, one touch would map two megabytes; a level
  // of a bundle touches many short runs and must not pay for what lies between them.
  if (access == Access::kRandom) madvise(address, mapped.size_, MADV_NOHUGEPAGE);
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::WillNeed(uint64_t offset, uint64_t size) const {
  Advise(data_, size_, offset, size, MADV_WILLNEED);
}

void MappedFile::DontNeed(uint64_t offset, uint64_t size) const {
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
