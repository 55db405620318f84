#include <csignal>
#include <string>
#include <vector>

#include "runtime/cli/program.h"

int main(int argc, char** argv) {
  // A reader that went away is an error of write(), not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return elm::RunProgram(words);
}
