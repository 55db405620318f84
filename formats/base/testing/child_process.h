// Runs a piece of a test in a process of its own: one that may lower its limits or its rights, or
// hold a lock.
#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace elm::testing {

// What `body` returned (0 to 255) in a child process; -1 when the child died of a signal.
inline int RunInChild(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
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

}  // namespace elm::testing
