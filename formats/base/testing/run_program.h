// Runs a program as a user would and hands back what it printed. For tests only.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace elm::testing {

struct ProgramResult {
  int exit_code = -1;  // 128 + signal when a signal ended it
  std::string out;
  std::string err;
  long peak_kib = 0;  // largest resident set
};

// A started program whose output goes to two files under the test's temporary folder.
class RunningProgram {
 public:
  explicit RunningProgram(const std::vector<std::string>& arguments)
      : base_(::testing::TempDir() + "elm_program_" + std::to_string(getpid()) + "_" +
              std::to_string(counter_++)) {
    pid_ = fork();
    if (pid_ == 0) {
      Redirect(STDOUT_FILENO, out_path());
      Redirect(STDERR_FILENO, err_path());
      std::vector<char*> argv;
      for (const std::string& argument : arguments) {
        argv.push_back(const_cast<char*>(argument.c_str()));
      }
      argv.push_back(nullptr);
      execv(argv[0], argv.data());
      _exit(127);
    }
  }

  pid_t pid() const { return pid_; }
  std::string ErrSoFar() const { return Read(err_path()); }
  bool Running() const {
    return waitid(P_PID, pid_, &info_, WEXITED | WNOHANG | WNOWAIT) == 0 && info_.si_pid == 0;
  }

  ProgramResult Wait() {
    int status = 0;
    rusage usage{};
    wait4(pid_, &status, 0, &usage);
    ProgramResult result;
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result.out = Read(out_path());
    result.err = Read(err_path());
    result.peak_kib = usage.ru_maxrss;
    unlink(out_path().c_str());
    unlink(err_path().c_str());
    return result;
  }

 private:
  std::string out_path() const { return base_ + ".out"; }
  std::string err_path() const { return base_ + ".err"; }

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
  std::string base_;
  pid_t pid_ = -1;
  mutable siginfo_t info_{};
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
