#include "formats/base/atomic_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

namespace elm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporaryMark = ".tmp-";

fs::path DirectoryOf(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

// Removes what a killed process left: "<name>.tmp-<pid>" whose process no longer runs.
void RemoveStaleTemporaries(const std::string& path) {
  const std::string prefix = fs::path(path).filename().string().append(kTemporaryMark);
  std::error_code error;
  for (fs::directory_iterator entry(DirectoryOf(path), error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    pid_t pid = 0;
    const char* end_of_name = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + prefix.size(), end_of_name, pid);
    if (parsed.ec != std::errc() || parsed.ptr != end_of_name || pid <= 0) continue;
    if (kill(pid, 0) != 0 && errno == ESRCH) {
      std::error_code ignored;
      fs::remove(entry->path(), ignored);
    }
  }
}

}  // namespace

Result<AtomicFile> AtomicFile::Create(const std::string& path) {
  AtomicFile file;
  file.path_ = path;
  std::error_code not_a_directory;  // the overload that does not throw
  if (fs::is_directory(path, not_a_directory))
    return IoError(EISDIR, StrCat(path, ": cannot write"));
  RemoveStaleTemporaries(path);
  std::string temporary = StrCat(path, kTemporaryMark, getpid());
  file.fd_ = open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file.fd_ < 0) return IoError(errno, StrCat(path, ": cannot write"));
  file.temporary_path_ = std::move(temporary);
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept { *this = std::move(other); }

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_path_, other.temporary_path_);
  std::swap(fd_, other.fd_);
  return *this;
}

AtomicFile::~AtomicFile() { Abandon(); }

void AtomicFile::Abandon() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
  if (!temporary_path_.empty()) unlink(temporary_path_.c_str());
  temporary_path_.clear();
}

Status AtomicFile::Reserve(uint64_t size) {
  if (size == 0) return Status::Ok();
  const int error = posix_fallocate(fd_, 0, static_cast<off_t>(size));
  // A file system that cannot preallocate finds out while writing instead.
  if (error == 0 || error == EOPNOTSUPP || error == EINVAL) return Status::Ok();
  return IoError(error, StrCat(path_, ": cannot reserve ", size, " bytes"));
}

Status AtomicFile::WriteAt(uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return IoError(errno, StrCat(path_, ": cannot write ", bytes.size(), " bytes at ", offset));
    }
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return Status::Ok();
}

Status AtomicFile::Commit() {
  if (fsync(fd_) != 0) return IoError(errno, StrCat(path_, ": cannot sync"));
  if (close(std::exchange(fd_, -1)) != 0) return IoError(errno, StrCat(path_, ": cannot close"));
  if (rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    return IoError(errno, StrCat(path_, ": cannot rename the finished file into place"));
  }
  temporary_path_.clear();
  const int directory = open(DirectoryOf(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    fsync(directory);  // the rename itself; the data is safe already
    close(directory);
  }
  return Status::Ok();
}

Status WriteFileAtomically(const std::string& path, std::string_view contents) {
  ELM_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  ELM_RETURN_IF_ERROR(file.WriteAt(0, std::as_bytes(std::span(contents))));
  return file.Commit();
}

}  // namespace elm
