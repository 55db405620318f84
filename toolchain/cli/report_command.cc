// elmc report: evaluations as a page and as Markdown.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "formats/base/atomic_file.h"
#include "formats/base/mapped_file.h"
#include "toolchain/base/error.h"
#include "toolchain/cli/commands.h"
#include "toolchain/eval/eval_report_json.h"
#include "toolchain/pipeline/built_in.h"
#include "toolchain/report/report_page.h"

namespace elm {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostLibraryBytes = 1 << 22;

constexpr char kFooter[] =
    "The page holds everything that it shows, scripts included: it opens offline, on a phone too,\n"
    "light or dark. Beside report.html lies report.md with the same tables.\n"
    "\n"
    "Examples:\n"
    "  elmc eval model.elm --tasks pocket --latency --json eval.json\n"
    "  elmc report eval.json -o report.html\n"
    "  elmc report new.json old.json -o report.html        curves of both in one chart";

struct Flags {
  std::vector<std::string> files;
  std::string output = "report.html";
};

void Run(const Flags& flags) {
  if (!flags.output.ends_with(".html")) {
    throw Error(InvalidArgument("--output is \"", flags.output, "\", expected a name in .html"));
  }
  std::vector<NamedReport> reports;
  for (const std::string& file : flags.files) {
    reports.push_back({fs::path(file).stem().string(), ReadEvalReport(file)});
  }
  const std::string library = ValueOrThrow(ReadFile(SharedFile("chart.min.js"), kMostLibraryBytes));
  ThrowIfError(WriteFileAtomically(flags.output, ReportPage(reports, library)));
  const std::string markdown = fs::path(flags.output).replace_extension(".md");
  ThrowIfError(WriteFileAtomically(markdown, ReportMarkdown(reports)));
  std::printf("wrote %s and %s\n", flags.output.c_str(), markdown.c_str());
}

}  // namespace

void AddReportCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("report", "Show evaluations as a page");
  const auto flags = std::make_shared<Flags>();
  command->add_option("files", flags->files, "what `elmc eval --json` wrote")->required();
  command->add_option("-o,--output", flags->output, "the page to write")->capture_default_str();
  command->footer(kFooter);
  command->callback([flags] { Run(*flags); });
}

}  // namespace elm
