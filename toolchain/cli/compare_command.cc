// elmc compare: is the second evaluation worse than the first?
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "formats/model/level_table.h"
#include "toolchain/base/error.h"
#include "toolchain/cli/commands.h"
#include "toolchain/eval/eval_report_json.h"
#include "toolchain/report/compare_reports.h"

namespace elm {
namespace {

constexpr char kFooter[] =
    "Prints a Markdown table. Exit codes: 0 nothing is worse, 1 something is, 2 the files are not\n"
    "about the same questions. A drop of accuracy counts when it is larger than the limit and\n"
    "larger than 1.96 paired standard errors. Latency is each level's time over level 1.0's and\n"
    "over what the machine could do meanwhile, so that files of different machines and hours can "
    "be\n"
    "compared; a slowdown counts when it is larger than the limit and than the spread of the\n"
    "rounds explains.\n"
    "\n"
    "Examples:\n"
    "  elmc eval before.elm --tasks pocket --latency --json before.json\n"
    "  elmc eval after.elm --tasks pocket --latency --json after.json\n"
    "  elmc compare before.json after.json --max-acc-drop 0.5 --max-slowdown 5%";

struct Flags {
  std::string before;
  std::string after;
  double accuracy_points = 0.5;
  double loss = 0.02;
  std::string slowdown = "5%";
  std::string machine_slowdown = "10%";
  bool json = false;
};

// "5%" or "0.05".
double ParseShare(const char* flag, const std::string& text) {
  const bool percent = text.ends_with("%");
  double value = 0;
  if (!CLI::detail::lexical_cast(percent ? text.substr(0, text.size() - 1) : text, value) ||
      !(value >= 0) || !std::isfinite(value)) {
    throw Error(InvalidArgument(flag, " is \"", text, "\", expected a share such as 5% or 0.05"));
  }
  return percent ? value / 100 : value;
}

void PrintJson(const Comparison& comparison) {
  nlohmann::json json = {{"regressed", comparison.regressed()},
                         {"notes", comparison.notes},
                         {"changes", nlohmann::json::array()}};
  for (const Change& change : comparison.changes) {
    json["changes"].push_back({{"level", LevelName(change.level_permille)},
                               {"measure", change.what},
                               {"before", change.before},
                               {"after", change.after},
                               {"worse", change.worse},
                               {"low", change.low},
                               {"high", change.high},
                               {"limit", change.limit},
                               {"regression", change.regression}});
  }
  std::printf("%s\n", json.dump(2).c_str());
}

void Run(const Flags& flags) {
  if (!(flags.accuracy_points >= 0) || !(flags.loss >= 0)) {
    throw Error(InvalidArgument("--max-acc-drop and --max-loss-rise must not be negative"));
  }
  const CompareLimits limits = {flags.accuracy_points / 100, flags.loss,
                                ParseShare("--max-slowdown", flags.slowdown),
                                ParseShare("--max-machine-slowdown", flags.machine_slowdown)};
  const Comparison comparison = CompareReports(ReadEvalReport(flags.before), flags.before,
                                               ReadEvalReport(flags.after), flags.after, limits);
  if (flags.json) {
    PrintJson(comparison);
  } else {
    std::printf("%s", ComparisonMarkdown(comparison).c_str());
  }
  if (!comparison.regressed()) return;
  throw Error(FailedCheck(flags.after, ": is worse than ", flags.before, "; see the table"));
}

}  // namespace

void AddCompareCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("compare", "Hold one evaluation against another");
  const auto flags = std::make_shared<Flags>();
  command->add_option("before", flags->before, "what `elmc eval --json` wrote")->required();
  command->add_option("after", flags->after, "the same questions, asked later")->required();
  command
      ->add_option("--max-acc-drop", flags->accuracy_points,
                   "points of accuracy that a family or the mean may lose")
      ->capture_default_str();
  command->add_option("--max-loss-rise", flags->loss, "nats per token that a text's loss may rise")
      ->capture_default_str();
  command
      ->add_option("--max-slowdown", flags->slowdown,
                   "part by which a level's time over level 1.0's may grow")
      ->capture_default_str();
  command
      ->add_option("--max-machine-slowdown", flags->machine_slowdown,
                   "part by which a level's time over what the machine could do may grow")
      ->capture_default_str();
  command->add_flag("--json", flags->json, "print the result as JSON");
  command->footer(kFooter);
  command->callback([flags] { Run(*flags); });
}

}  // namespace elm
