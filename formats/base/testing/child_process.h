// Processes that tests start: a program as a user would run it, or a piece of the test that may
// lower its limits or its rights, or hold a lock.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <ios>
#include <iterator>
#include <string>
#include <vector>

namespace elm::testing {

// How a process ended.
struct ProcessEnd {
  int exit_code = -1;  // 128 + signal when a signal ended it; -1 when it did not even start
  long peak_kib = 0;   // largest resident set
};

// Runs `body` in a fork of the test; what it returns (0 to 255) is the exit code.
class ChildProcess {
 public:
  explicit ChildProcess(const std::function<int()>& body) : pid_(fork()) {
    if (pid_ == 0) _exit(body());
  }

  pid_t pid() const { return pid_; }
  bool Running() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
  }

  // Call once.
  ProcessEnd Wait() {
    int status = 0;
    rusage usage{};
    if (pid_ < 0 || wait4(pid_, &status, 0, &usage) != pid_) return {};
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), usage.ru_maxrss};
  }

 private:
  pid_t pid_;
};

// The exit code of `body` in a process of its own.
inline int RunInChild(const std::function<int()>& body) {
  return ChildProcess(body).Wait().exit_code;
}

// As on a full disk: no file of this process may grow past `bytes`.
inline bool LimitFileSize(rlim_t bytes) {
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{bytes, bytes};
  return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

// Root may write everywhere; nobody (65534) may not.
inline bool DropRootRights() {
  return geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);
}

// Whether a process has a handler for SIGINT: the line "SigCgt:" holds one bit for each signal.
inline bool CatchesInterrupts(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string field; status >> field;) {
    if (field == "SigCgt:") {
      uint64_t signals = 0;
      return status >> std::hex >> signals && (signals >> (SIGINT - 1) & 1U) != 0;
    }
  }
  return false;
}

struct ProgramResult : ProcessEnd {
  std::string out;
  std::string err;
};

// A started program whose output goes to two files under the test's temporary folder.
class RunningProgram {
 public:
  explicit RunningProgram(const std::vector<std::string>& arguments)
      : base_(::testing::TempDir() + "elm_program_" + std::to_string(getpid()) + "_" +
              std::to_string(counter_++)),
        process_([&] { return Become(arguments); }) {}

  pid_t pid() const { return process_.pid(); }
  bool Running() const { return process_.Running(); }
  std::string ErrSoFar() const { return Read(err_path()); }

  // Call once.
  ProgramResult Wait() {
    const ProcessEnd end = process_.Wait();
    ProgramResult result{end, Read(out_path()), Read(err_path())};
    unlink(out_path().c_str());
    unlink(err_path().c_str());
    return result;
  }

 private:
  std::string out_path() const { return base_ + ".out"; }
  std::string err_path() const { return base_ + ".err"; }

  // In the child: returns only when there is no such program.
  int Become(const std::vector<std::string>& arguments) const {
    Redirect(STDOUT_FILENO, out_path());
    Redirect(STDERR_FILENO, err_path());
    std::vector<char*> argv;
    for (const std::string& argument : arguments) {
      argv.push_back(const_cast<char*>(argument.c_str()));
    }
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    return 127;
  }

  static void Redirect(int descriptor, const std::string& path) {
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, descriptor);
    close(file);
  }

  static std::string Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static inline int counter_ = 0;
  const std::string base_;
  ChildProcess process_;  // behind base_, which names the files that it writes
};

inline ProgramResult RunProgram(const std::vector<std::string>& arguments) {
  return RunningProgram(arguments).Wait();
}

// The path of one of the project's own programs, as built beside the tests.
inline std::string ProgramPath(const std::string& name) {
  const char* folder = std::getenv("ELM_BIN_DIR");
  return std::string(folder == nullptr ? "." : folder) + "/" + name;
}

}  // namespace elm::testing
