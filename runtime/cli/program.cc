#include "runtime/cli/program.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "formats/base/status.h"
#include "formats/base/suggest.h"
#include "runtime/cli/command.h"
#include "runtime/cli/output.h"

namespace elm {
namespace {

constexpr char kExitCodes[] =
    "Exit codes: 0 ok; 1 a check failed; 2 usage (an option, a level, a prompt that does not "
    "fit);\n"
    "3 bad input (a damaged bundle, or one of another version); 4 input/output; 5 out of memory;\n"
    "70 internal error; 130 interrupted. A failure prints one line to standard error.\n";

std::vector<Command> Commands() {
  return {RunCommand(),   ExplainCommand(), CalibrateCommand(),
          BenchCommand(), InfoCommand(),    VerifyCommand()};
}

std::string ProgramHelp(const std::vector<Command>& commands) {
  std::string text =
      "elm: runs elastic language models, at any level of one .elm file.\n"
      "\n"
      "Usage: elm COMMAND [OPTIONS] MODEL.elm\n"
      "\n"
      "Commands:\n";
  for (const Command& command : commands) {
    std::string name = command.name;
    name.resize(11, ' ');
    text += StrCat("  ", name, command.summary, "\n");
  }
  return text +
         "\n"
         "Examples:\n"
         "  elm info model.elm\n"
         "  elm run model.elm --level 0.5 -p \"Once upon a time\" -n 64\n"
         "  elm calibrate model.elm\n"
         "  elm run model.elm --slo ttft=40%,tpot=70% --context notes.txt --question \"Who?\"\n"
         "\n"
         "`elm COMMAND --help` explains a command; `elm --version` prints the version.\n"
         "\n" +
         kExitCodes;
}

std::string CommandHelp(const Command& command) {
  return StrCat("elm ", command.name, ": ", command.summary, "\n\nUsage: elm ", command.name, " ",
                command.arguments, "\n\nOptions:\n", DescribeFlags(command.flags), "\n",
                command.details, "\n", kExitCodes);
}

Status RunOne(Command command, std::span<const std::string> words) {
  command.flags.push_back({"help", 'h', "", "explain this command"});
  const std::string hint = StrCat("; see elm ", command.name, " --help");
  auto parsed = ParseFlags(command.flags, words);
  if (!parsed.ok()) return InvalidArgument(parsed.status().message(), hint);
  if (parsed->Has("help")) return WriteOutput(CommandHelp(command));
  return command.run(*parsed);
}

Status Dispatch(std::span<const std::string> words) {
  std::vector<Command> commands = Commands();
  if (words.empty()) return InvalidArgument("no command; see elm --help");
  const std::string& name = words.front();
  if (name == "--help" || name == "-h" || name == "help") {
    return WriteOutput(ProgramHelp(commands));
  }
  if (name == "--version") return WriteOutput("elm " ELM_VERSION "\n");
  std::vector<std::string> names;
  for (Command& command : commands) {
    if (command.name == name) return RunOne(std::move(command), words.subspan(1));
    names.push_back(command.name);
  }
  return InvalidArgument("unknown command ", name, Suggestion(name, names), "; see elm --help");
}

}  // namespace

Result<std::string> OnlyArgument(const ParsedFlags& flags, const std::string& what) {
  const auto& arguments = flags.arguments();
  if (arguments.size() == 1) return arguments.front();
  if (arguments.empty()) return InvalidArgument(what, " is missing");
  return InvalidArgument("expected one ", what, ", got also \"", arguments[1], "\"");
}

int RunProgram(std::span<const std::string> words) {
  const Status status = Dispatch(words);
  if (!status.ok()) std::fprintf(stderr, "elm: %s\n", status.ToString().c_str());
  return ExitCode(status);
}

}  // namespace elm
