#include "formats/workspace/workspace.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "formats/base/atomic_file.h"
#include "formats/base/mapped_file.h"

namespace elm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMarkerName = "elm-workspace";
constexpr const char* kMarkerText = "elm workspace, version 1\n";
constexpr const char* kLockName = ".elm-lock";
constexpr std::string_view kTemporaryMark = ".tmp-";
constexpr uint64_t kMaxMarker = 4096;  // bytes
constexpr uint64_t kMaxLockText = 64;

// "<name>.tmp-<pid>", as AtomicFile names them.
bool IsTemporary(const std::string& name) {
  const size_t mark = name.rfind(kTemporaryMark);
  if (mark == std::string::npos || mark == 0) return false;
  const std::string_view digits = std::string_view(name).substr(mark + kTemporaryMark.size());
  return !digits.empty() &&
         std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// What Open() itself may have left when it was killed before the marker stood.
bool IsFromOpening(const std::string& name) {
  return name == kLockName || (name.starts_with(kMarkerName) && IsTemporary(name));
}

Result<std::string> FirstForeignEntry(const std::string& directory) {
  std::error_code error;
  std::string first;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (IsFromOpening(name)) continue;
    if (first.empty() || name < first) first = name;
  }
  if (error) return IoError(error.value(), StrCat(directory, ": cannot list the directory"));
  return first;
}

Status CheckMarker(const std::string& directory, const std::string& marker) {
  if (marker == kMarkerText) return Status::Ok();
  return Unsupported(directory, ": the file ", kMarkerName,
                     " is of another version of the program; choose another directory");
}

// A process whose number is in the lock file, as far as can be told.
std::string HolderOf(const std::string& lock_path) {
  const Result<std::string> text = ReadFile(lock_path, kMaxLockText);
  const std::string digits = text.ok() ? text->substr(0, text->find('\n')) : "";
  return digits.empty() ? "another process" : StrCat("process ", digits);
}

Status WriteHolder(int lock, const std::string& lock_path) {
  const std::string text = StrCat(getpid(), "\n");
  if (ftruncate(lock, 0) != 0 ||
      pwrite(lock, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return IoError(errno, StrCat(lock_path, ": cannot write"));
  }
  return Status::Ok();
}

// Nobody else writes here while the lock is held, so every temporary file is a dead run's.
void RemoveTemporaries(const std::string& directory) {
  std::error_code error;
  std::vector<fs::path> stale;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (IsTemporary(entry->path().filename().string()) && entry->is_regular_file(ignored)) {
      stale.push_back(entry->path());
    }
  }
  for (const fs::path& path : stale) fs::remove(path, error);
}

}  // namespace

Status Workspace::Check(const std::string& directory) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (status.type() == fs::file_type::not_found) return Status::Ok();
  if (error) return IoError(error.value(), directory);
  if (!fs::is_directory(status)) {
    return InvalidArgument(directory, ": is not a directory, so it cannot be a workspace");
  }
  const Result<std::string> marker =
      ReadFile((fs::path(directory) / kMarkerName).string(), kMaxMarker);
  if (marker.ok()) return CheckMarker(directory, *marker);
  if (marker.status().code() != StatusCode::kNotFound) return marker.status();
  ELM_ASSIGN_OR_RETURN(const std::string foreign, FirstForeignEntry(directory));
  if (foreign.empty()) return Status::Ok();
  return InvalidArgument(directory, ": is not a workspace and holds other files (\"", foreign,
                         "\"); nothing was touched, choose an empty or a new directory");
}

Result<Workspace> Workspace::Open(const std::string& directory) {
  ELM_RETURN_IF_ERROR(Check(directory));
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return IoError(error.value(), StrCat(directory, ": cannot create the workspace"));

  Workspace workspace;
  workspace.directory_ = directory;
  const std::string lock_path = workspace.Path(kLockName);
  workspace.lock_ = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (workspace.lock_ < 0) return IoError(errno, StrCat(lock_path, ": cannot write"));
  if (flock(workspace.lock_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return IoError(errno, StrCat(lock_path, ": cannot lock"));
    return Status(StatusCode::kIo, StrCat("workspace ", directory, " is in use by ",
                                          HolderOf(lock_path), "; wait for it or choose another"));
  }
  // Between the first check and the lock another run may have begun here.
  ELM_RETURN_IF_ERROR(Check(directory));
  ELM_RETURN_IF_ERROR(WriteHolder(workspace.lock_, lock_path));
  RemoveTemporaries(directory);
  if (!fs::exists(workspace.Path(kMarkerName), error)) {
    ELM_RETURN_IF_ERROR(WriteFileAtomically(workspace.Path(kMarkerName), kMarkerText));
  }
  return workspace;
}

Workspace::Workspace(Workspace&& other) noexcept { *this = std::move(other); }

Workspace& Workspace::operator=(Workspace&& other) noexcept {
  std::swap(directory_, other.directory_);
  std::swap(lock_, other.lock_);
  return *this;
}

Workspace::~Workspace() {
  // The lock file stays: removing it would let two runs lock two files of the same name.
  if (lock_ >= 0) close(lock_);
}

std::string Workspace::Path(const std::string& name) const {
  return (fs::path(directory_) / name).string();
}

}  // namespace elm
