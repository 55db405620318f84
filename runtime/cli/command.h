// What the program can do: a table of commands.
#pragma once

#include <string>
#include <vector>

#include "formats/base/status.h"
#include "runtime/cli/flags.h"

namespace elm {

struct Command {
  std::string name;
  std::string summary;    // one line for `elm --help`
  std::string arguments;  // behind the name in the usage line
  std::string details;    // paragraphs and examples for `elm <name> --help`
  std::vector<Flag> flags;
  Status (*run)(const ParsedFlags& flags);
};

Command RunCommand();
Command ExplainCommand();
Command CalibrateCommand();
Command BenchCommand();
Command InfoCommand();
Command VerifyCommand();

// The one bundle that a command works on.
Result<std::string> OnlyArgument(const ParsedFlags& flags, const std::string& what);

}  // namespace elm
