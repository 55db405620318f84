// elmc trace make: a trace of the published form, or a published one, as a file.
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "toolchain/base/error.h"
#include "toolchain/cli/trace_commands.h"
#include "toolchain/trace/make_trace.h"
#include "toolchain/trace/trace_file.h"

namespace elm {
namespace {

struct MakeFlags {
  MakeTraceOptions options;
  std::string published;
  std::string content = "own";
  std::string output;
};

PublishedContent ToContent(const std::string& name) {
  if (name == "own") return PublishedContent::kOwn;
  if (name == "pocket") return PublishedContent::kBuiltIn;
  throw Error(InvalidArgument("--content is \"", name, "\", expected own or pocket"));
}

Trace TraceOf(const MakeFlags& flags) {
  const PublishedContent content = ToContent(flags.content);
  if (flags.published.empty()) return MakeTrace(flags.options);
  std::vector<std::string> notes;
  Trace trace = ReadPublishedTrace(flags.published, content, flags.options, notes);
  for (const std::string& note : notes) spdlog::info("{}", note);
  return trace;
}

void PrintApps(const Trace& trace) {
  std::vector<size_t> counts(trace.apps.size());
  for (const TraceRequest& request : trace.requests) ++counts[request.app];
  for (size_t app = 0; app < counts.size(); ++app) {
    std::string families;
    for (const std::string& family : trace.apps[app].families) families += " " + family;
    std::printf("  %-10s %-20s %5zu requests %s\n", trace.apps[app].name.c_str(),
                SloText(trace.apps[app].slo).c_str(), counts[app], families.c_str());
  }
}

void Make(const MakeFlags& flags) {
  const Trace trace = TraceOf(flags);
  WriteTrace(flags.output, trace);
  std::printf("wrote %s, %zu requests in %.0f s\n", flags.output.c_str(), trace.requests.size(),
              trace.requests.back().arrival_s);
  PrintApps(trace);
}

}  // namespace

void AddTraceMake(CLI::App& trace) {
  CLI::App* make = trace.add_subcommand("make", "Write a trace to a file");
  const auto flags = std::make_shared<MakeFlags>();
  MakeTraceOptions& options = flags->options;
  make->add_option("--alpha", options.alpha,
                   "requests of SLO i are in proportion to e^(alpha i), i = 0 the strictest: above "
                   "0 leans to relaxed SLOs")
      ->capture_default_str();
  make->add_option("--count", options.count, "requests")->capture_default_str();
  make->add_option("--seed", options.seed, "of order, content and arrivals")->capture_default_str();
  make->add_option("--rate", options.rate, "requests a second; gaps are exponential")
      ->capture_default_str();
  make->add_option("--pool", options.tasks.count, "tasks of each family to draw from")
      ->capture_default_str();
  make->add_option("--split", options.tasks.split, "of the built-in world's tasks")
      ->capture_default_str();
  make->add_option("--task-seed", options.tasks.seed, "of the built-in world's tasks")
      ->capture_default_str();
  make->add_option("--published", flags->published,
                   "take demands and arrivals from a trace file of ElastiLM's authors");
  make->add_option("--content", flags->content,
                   "of a published trace: own, its questions (rows that ask nothing are left "
                   "out), or pocket, built-in tasks for every row")
      ->capture_default_str();
  make->add_option("-o,--output", flags->output, "the file to write")->required();
  make->footer(
      "The six apps and SLOs of the published experiment, each with the built-in tasks that "
      "resemble\n"
      "its dataset. The same flags give the same file.\n\n"
      "Examples:\n"
      "  elmc trace make --alpha 0.25 --count 600 --seed 1 -o trace.json\n"
      "  elmc trace make --published elastilm_trace_0.json --content pocket -o trace.json");
  make->callback([flags] { Make(*flags); });
}

}  // namespace elm
