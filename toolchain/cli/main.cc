// elmc: the offline part. Turns an LLM checkpoint into one elastic .elm bundle.
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <new>
#include <string>

#include "formats/base/suggest.h"
#include "toolchain/base/error.h"
#include "toolchain/cli/commands.h"
#include "toolchain/pipeline/cancellation.h"

namespace elm {
namespace {

constexpr char kDescription[] =
    "elmc makes an LLM elastic: one .elm bundle that a phone runs at many sizes.\n";

constexpr char kFooter[] =
    "Examples:\n"
    "  elmc prepare CHECKPOINT --data TEXT -o model.elm     all stages; run again to resume\n"
    "  elmc prepare CHECKPOINT --data TEXT -o model.elm --dry-run\n"
    "  elmc quantize model.elm small.elm --quant q4 --data TEXT\n"
    "  elmc inspect model.elm                               the level table\n"
    "  elmc verify model.elm                                every byte against its checksum\n"
    "  elmc eval model.elm --tasks pocket                   accuracy at every level\n"
    "  elmc baselines --methods all --json base.json         the published alternatives beside it\n"
    "  elmc compare before.json after.json                  exit 1 when something got worse\n"
    "\n"
    "Exit codes: 0 ok, 1 a check failed, 2 usage, 3 bad input (damaged or unsupported),\n"
    "  4 input/output (missing, permission, disk full), 5 out of memory, 70 internal error,\n"
    "  130 interrupted.";

// OpenBLAS 0.3.21 takes newer server processors for a Haswell and then runs float32 1.3 to 3 times
// slower than it could. It reads this variable when it is loaded, before main(): so start over
// once.
void ChooseOpenBlasKernels(char** argv) {
#if defined(__x86_64__)
  if (getenv("OPENBLAS_CORETYPE") != nullptr || !__builtin_cpu_supports("avx512f")) return;
  setenv("OPENBLAS_CORETYPE", "SKYLAKEX", 1);
  execv("/proc/self/exe", argv);
#else
  (void)argv;
#endif
}

void SetUpLogging() {
  auto logger = spdlog::stderr_color_mt("elmc");
  logger->set_pattern("%^elmc: %v%$");
  spdlog::set_default_logger(std::move(logger));
}

int Report(const Status& status) {
  std::fprintf(stderr, "elmc: %s\n", status.ToString().c_str());
  return ExitCode(status);
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// The first sentence of `what`, and what to do.
Status OutOfMemory(const std::string& what) {
  const std::string sentence = what.substr(0, what.find(". "));
  return Status(StatusCode::kOutOfMemory,
                sentence + "; `elmc prepare --dry-run` says how much a run takes");
}

// The command that was being parsed, and the names that could have stood where the error is.
std::vector<std::string> KnownNames(const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  std::vector<std::string> names;
  for (const CLI::App* sub : command->get_subcommands({})) names.push_back(sub->get_name());
  for (const CLI::Option* option : command->get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

int ReportUsage(const CLI::App& app, const CLI::ParseError& error) {
  std::string message = FirstLine(error.what());
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    // CLI11 lists the stray words last; the first of them on the command line comes at the end.
    const std::string word = message.substr(message.find_last_of(' ') + 1);
    const std::string suggestion = Suggestion(word, KnownNames(app));
    message += suggestion.empty() ? "; --help lists what there is" : suggestion;
  }
  return Report(InvalidArgument(message));
}

int Main(int argc, char** argv) {
  SetUpLogging();
  WatchForCancellation();
  signal(SIGXFSZ, SIG_IGN);  // a file-size limit is then an error of write(), as a full disk is
  CLI::App app(kDescription, "elmc");
  app.set_version_flag("--version", StrCat("elmc ", ELM_VERSION));
  app.footer(kFooter);
  AddPrepareCommand(app);
  AddPretrainCommand(app);
  AddInspectCommand(app);
  AddVerifyCommand(app);
  AddDatasetCommand(app);
  AddDumpCommand(app);
  AddEvalCommand(app);
  AddBaselinesCommand(app);
  AddCompareCommand(app);
  AddQuantizeCommand(app);
  AddRecoverCommand(app);
  AddReportCommand(app);
  AddScoresCommand(app);
  AddSynthCommand(app);
  AddTlmCommand(app);
  AddTraceCommand(app);
  try {
    app.parse(argc, argv);
    if (!app.get_subcommands().empty()) return 0;
    return Report(InvalidArgument("name a command; elmc --help lists them"));
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return ReportUsage(app, error);
  } catch (const Error& error) {
    return Report(error.status());
  } catch (const std::bad_alloc&) {
    return Report(OutOfMemory("not enough memory"));
  } catch (const std::exception& error) {
    const std::string line = FirstLine(error.what());
    // How LibTorch says it of a GPU and of the processor, cuBLAS and the system.
    for (const char* words :
         {"out of memory", "can't allocate memory", "ALLOC_FAILED", "Cannot allocate memory"}) {
      if (line.find(words) != std::string::npos) return Report(OutOfMemory(line));
    }
    return Report(Internal(line));
  }
}

}  // namespace
}  // namespace elm

int main(int argc, char** argv) {
  elm::ChooseOpenBlasKernels(argv);
  return elm::Main(argc, argv);
}
