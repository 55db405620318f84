// elmc report: evaluations as a page, as Markdown and as JSON.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "formats/base/atomic_file.h"
#include "formats/base/mapped_file.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/cli/commands.h"
#include "toolchain/pipeline/built_in.h"
#include "toolchain/report/render_json.h"
#include "toolchain/report/render_markdown.h"
#include "toolchain/report/render_page.h"
#include "toolchain/report/report_sections.h"

namespace elm {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostLibraryBytes = 1 << 22;

constexpr char kFooter[] =
    "The page holds everything that it shows, scripts included: it opens offline, on a phone too,\n"
    "light or dark. Beside report.html lie report.md and report.json with the same tables.\n"
    "\n"
    "Examples:\n"
    "  elmc eval model.elm --tasks pocket --latency --json eval.json\n"
    "  elmc report eval.json -o report.html\n"
    "  elmc report new.json old.json -o report.html        curves of both in one chart\n"
    "  elmc report eval.json base.json -o report.html      beside what `elmc baselines` measured";

struct Flags {
  std::vector<std::string> files;
  std::string output = "report.html";
};

void Run(const Flags& flags) {
  if (!flags.output.ends_with(".html")) {
    throw Error(InvalidArgument("--output is \"", flags.output, "\", expected a name in .html"));
  }
  const std::string markdown = fs::path(flags.output).replace_extension(".md");
  const std::string json = fs::path(flags.output).replace_extension(".json");
  ReportContents contents;
  for (const std::string& file : flags.files) {
    std::error_code ignored;
    if (fs::equivalent(file, json, ignored) || fs::equivalent(file, markdown, ignored)) {
      throw Error(InvalidArgument(file,
                                  ": would be overwritten, since the report's tables go beside ",
                                  flags.output, "; choose another --output"));
    }
    AddReportFile(file, contents);
  }
  const std::vector<ReportSection> sections = ReportSections(contents);
  const std::string library = ValueOrThrow(ReadFile(SharedFile("chart.min.js"), kMostLibraryBytes));
  ThrowIfError(WriteFileAtomically(flags.output, RenderPage(sections, library)));
  ThrowIfError(WriteFileAtomically(markdown, RenderMarkdown(sections)));
  WriteJsonFile(json, RenderJson(sections));
  std::printf("wrote %s, %s and %s\n", flags.output.c_str(), markdown.c_str(), json.c_str());
}

}  // namespace

void AddReportCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("report", "Show evaluations as a page");
  const auto flags = std::make_shared<Flags>();
  command
      ->add_option("files", flags->files,
                   "what `elmc eval --json`, `elmc baselines --json` or `elmc trace run --json` wrote")
      ->required();
  command->add_option("-o,--output", flags->output, "the page to write")->capture_default_str();
  command->footer(kFooter);
  command->callback([flags] { Run(*flags); });
}

}  // namespace elm
