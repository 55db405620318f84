#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>

#include "formats/base/atomic_file.h"
#include "formats/base/printable.h"
#include "formats/base/utf8.h"
#include "formats/model/latency_json.h"
#include "runtime/cli/command.h"
#include "runtime/cli/interrupt.h"
#include "runtime/cli/memory_flags.h"
#include "runtime/cli/output.h"
#include "runtime/cli/progress_line.h"
#include "runtime/cli/slo_engine.h"
#include "runtime/cli/slo_options.h"
#include "runtime/cli/threads_flag.h"
#include "runtime/cli/token_counts.h"
#include "runtime/orchestrator/calibrate.h"
#include "runtime/orchestrator/identity.h"

namespace elm {
namespace {

constexpr uint32_t kUsualSeconds = 60;
constexpr uint32_t kQuickSeconds = 15;
constexpr uint32_t kMostSeconds = 24 * 3600;

std::vector<Flag> CalibrateFlags() {
  return {
      {"output", 'o', "FILE", "where to write the table (default: MODEL.elm.lat.json)"},
      {"quick", 0, "", "take a quarter of the time: fewer repeats, perhaps fewer points"},
      {"seconds", 's', "COUNT", "measure for about so long (default 60)"},
      {"tokens", 'p', "COUNTS",
       "prompt lengths to measure, e.g. 16,128,512 (default: as many as "
       "time and context allow)"},
      {"context-tokens", 'c', "COUNT", "most tokens to hold (default: the model's)"},
      ThreadsFlag(),
      KvFlag(),
      NoMmapFlag(),
      {"reference", 0, "NAME", "call it a reference table, which fits every bundle and device"},
      {"json", 0, "", "print the table, too, as it is written"},
  };
}

Result<double> ReadSeconds(const ParsedFlags& flags) {
  if (flags.Has("quick") && flags.Has("seconds")) {
    return InvalidArgument("--quick and --seconds exclude each other");
  }
  ELM_ASSIGN_OR_RETURN(const uint64_t seconds,
                       flags.Number("seconds", kUsualSeconds, kMostSeconds));
  return flags.Has("quick") ? double{kQuickSeconds} : static_cast<double>(seconds);
}

Result<std::string> ReadName(const ParsedFlags& flags, const std::string& device) {
  if (!flags.Has("reference")) return device;
  const std::string name = flags.Text("reference", "");
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  const bool odd = name.empty() || name.size() + kReferencePrefix.size() > kMaxLatencyName ||
                   FindInvalidUtf8(name) || std::any_of(name.begin(), name.end(), is_control);
  if (!odd) return std::string(kReferencePrefix) + name;
  return InvalidArgument("--reference is ", Printable(name), ", expected a short name");
}

// Prompt lengths as asked for; what is behind them follows them.
Status ReplacePromptTokens(const ParsedFlags& flags, uint32_t context, CalibrationPlan& plan) {
  if (!flags.Has("tokens")) return Status::Ok();
  ELM_ASSIGN_OR_RETURN(std::vector<uint32_t> tokens, ReadTokenCounts(flags, "tokens"));
  std::sort(tokens.begin(), tokens.end());
  if (tokens.size() < 2) {
    return InvalidArgument("--tokens is \"", flags.Text("tokens", ""),
                           "\", expected at least two different lengths");
  }
  // Room for the tokens whose time is measured behind it.
  if (tokens.back() + 2 > context) {
    return InvalidArgument("--tokens: ", tokens.back(), " tokens and two more do not fit the ",
                           "context of ", context);
  }
  plan.prompt_tokens = tokens;
  plan.context_tokens = {tokens.front(), tokens.back()};
  if (tokens.size() > 2) {
    plan.context_tokens.insert(plan.context_tokens.begin() + 1, tokens[tokens.size() / 2]);
  }
  return Status::Ok();
}

std::string Number(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof(text), "%*.*f", 10, digits, value);
  return text;
}

std::string HeadOf(const char* what, const std::vector<uint32_t>& axis) {
  std::string line = what;
  line.resize(9, ' ');
  for (const uint32_t point : axis) line += Number(point, 0);
  return line + "\n";
}

std::string RowsOf(const LatencyTable& table, const std::vector<std::vector<double>>& rows) {
  std::string text;
  for (size_t level = 0; level < rows.size(); ++level) {
    std::string line = LevelName(table.level_permille[level]);
    line.resize(9, ' ');
    for (const double ms : rows[level]) line += Number(ms, 3);
    text += line + "\n";
  }
  return text;
}

std::string AsText(const Calibration& calibration, const std::string& path) {
  const LatencyTable& table = calibration.table;
  std::string text = StrCat(table.name, "\n", calibration.rounds,
                            calibration.rounds == 1 ? " round in " : " rounds in ",
                            static_cast<int>(calibration.seconds + 0.5), " s\n\n",
                            "ms to the first token, by level and tokens of the prompt\n",
                            HeadOf("level", table.ttft_tokens), RowsOf(table, table.ttft_ms),
                            "\nms for each further token, by level and tokens before it\n",
                            HeadOf("level", table.tpot_context), RowsOf(table, table.tpot_ms));
  if (!table.tlm_tokens.empty()) {
    text += StrCat("\nms of the tiny LM, by its tokens\n", HeadOf("", table.tlm_tokens),
                   std::string(9, ' '));
    for (const double ms : table.tlm_ms) text += Number(ms, 3);
    text += '\n';
  }
  char line[160];
  std::snprintf(line, sizeof(line),
                "\nselection %.3f ms for 1000 tokens, switch %.5f ms, margin %.1f %%\n",
                table.selection_ms_per_kilotoken, table.switch_ms, 100 * table.margin);
  text += line;
  if (table.margin >= kMostMargin) {
    text +=
        "The measurements scatter widely: decisions will leave much room. Calibrate again when "
        "the device is idle.\n";
  }
  return StrCat(text, "written to ", path, "\n");
}

Status CalibrateBundle(const ParsedFlags& flags) {
  ELM_ASSIGN_OR_RETURN(const SessionSetup setup, ReadSessionSetup(flags));
  ELM_ASSIGN_OR_RETURN(const double seconds, ReadSeconds(flags));
  const std::string path = flags.Text("output", LatencyPathBeside(setup.path));
  std::error_code ignored;
  if (std::filesystem::equivalent(path, setup.path, ignored)) {
    return InvalidArgument("--output ", path, ": is the bundle; choose another name");
  }
  // A minute later it would be too late to find out that nothing can be written there.
  ELM_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  ELM_ASSIGN_OR_RETURN(const OpenedBundle opened, OpenBundle(setup));
  ELM_ASSIGN_OR_RETURN(const std::string name, ReadName(flags, opened.device));

  CatchInterrupts();
  ELM_ASSIGN_OR_RETURN(CalibrationPlan plan, PlanCalibration(*opened.session, seconds));
  ELM_RETURN_IF_ERROR(ReplacePromptTokens(flags, opened.session->context(), plan));
  plan.name = name;
  plan.bundle_hash = flags.Has("reference") ? 0 : LatencyHash(opened.bundle->view());
  ProgressLine line;
  const CalibrationHooks hooks = {
      .progress =
          [&](const std::string& what, double done) {
            line.Show(StrCat(static_cast<int>(100 * done), " %  ", what));
          },
      .cancelled = Interrupted,
  };
  ELM_ASSIGN_OR_RETURN(const Calibration calibration,
                       Calibrate(*opened.session, opened.reader.get(), plan, hooks));
  const std::string json = LatencyJson(calibration.table);
  ELM_RETURN_IF_ERROR(file.WriteAt(0, std::as_bytes(std::span(json))));
  ELM_RETURN_IF_ERROR(file.Commit());
  line.Show("");
  ELM_RETURN_IF_ERROR(WriteOutput(flags.Has("json") ? json : AsText(calibration, path)));
  if (!calibration.cancelled) return Status::Ok();
  return {StatusCode::kCancelled, StrCat("stopped after ", calibration.rounds,
                                         calibration.rounds == 1 ? " round" : " rounds",
                                         "; the table is written from what there is")};
}

}  // namespace

Command CalibrateCommand() {
  return {
      .name = "calibrate",
      .summary = "measures how long each level takes on this device",
      .arguments = "[OPTIONS] MODEL.elm",
      .details =
          "Decisions about an SLO (`elm run --slo`) are made from a latency table: time to the "
          "first\n"
          "token over the prompt's length, time of each further token over what stands before it, "
          "both\n"
          "for every level, and what the tiny LM, the choice of words and a switch take. Levels "
          "take\n"
          "turns, so that whatever disturbs the machine hits them alike; how widely the times "
          "scatter\n"
          "becomes the margin that decisions leave. Leave the device in peace meanwhile. Ctrl-C "
          "ends\n"
          "it with the rounds that are complete.\n"
          "\n"
          "A table holds for one bundle, one device and one way to compute (--threads, --kv). "
          "Calibrate\n"
          "again when one of them changes.\n"
          "\n"
          "Examples:\n"
          "  elm calibrate model.elm\n"
          "  elm calibrate model.elm -o phone.lat.json --quick\n"
          "  elm calibrate model.elm -t 1 -p 16,64,256,1024 --seconds 120\n",
      .flags = CalibrateFlags(),
      .run = CalibrateBundle,
  };
}

}  // namespace elm
