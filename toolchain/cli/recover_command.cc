// elmc recover: adapters alone, in the workspace of an earlier `elmc prepare`.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "formats/model/level_table.h"
#include "toolchain/base/error.h"
#include "toolchain/cli/commands.h"
#include "toolchain/cli/level_list.h"
#include "toolchain/cli/workspace_of.h"
#include "toolchain/pipeline/prepare.h"
#include "toolchain/pipeline/recorded_options.h"
#include "toolchain/pipeline/recover_levels.h"
#include "toolchain/pipeline/workspace_files.h"
#include "toolchain/recover/process_group.h"

namespace elm {
namespace {

constexpr char kFooter[] =
    "Trains what `elmc prepare` would train in its stage `recover`, with the options that the\n"
    "workspace remembers: levels in separate jobs, at the same time if you like, or one job in\n"
    "several processes. Interrupted, the same command goes on. When all levels are there, the\n"
    "same `elmc prepare` packs them.\n"
    "\n"
    "Examples:\n"
    "  elmc prepare CHECKPOINT --data TEXT -o m.elm --to reorder\n"
    "  elmc recover m.elm --levels 0.2,0.3 &  elmc recover m.elm --levels 0.4,0.5 &  wait\n"
    "  torchrun --nproc-per-node 2 --no-python elmc recover m.elm\n"
    "  elmc prepare CHECKPOINT --data TEXT -o m.elm";

struct Flags {
  std::string bundle;
  std::vector<std::string> levels;
  uint32_t threads = 0;
  bool json = false;
  bool quiet = false;
};

void Print(const std::vector<RecoveredLevel>& levels, bool as_json) {
  nlohmann::json json = nlohmann::json::array();
  if (!as_json) std::printf("%-7s %10s %10s %10s\n", "level", "before", "after", "at update");
  for (const RecoveredLevel& level : levels) {
    const AdapterRecord& record = level.record;
    const std::string name = LevelName(level.name_permille);
    json.push_back({{"level", name},
                    {"objective_before", record.loss_before},
                    {"objective_after", record.loss_after},
                    {"best_update", record.best_update},
                    {"updates", record.updates},
                    {"tokens", record.tokens}});
    if (as_json) continue;
    std::printf("%-7s %10.4f %10.4f %6llu/%llu\n", name.c_str(), record.loss_before,
                record.loss_after, static_cast<unsigned long long>(record.best_update),
                static_cast<unsigned long long>(record.updates));
  }
  if (as_json) std::printf("%s\n", json.dump(2).c_str());
}

void Run(const Flags& flags) {
  PrepareOptions options = RecordedOptions(WorkspaceOf(flags.bundle));
  if (options.recover.recovery == Recovery::kNone) {
    throw Error(InvalidArgument(options.workspace, ": was prepared with --recover none; run ",
                                "`elmc prepare` with another --recover first"));
  }
  if (flags.threads > 0) options.threads = flags.threads;
  const std::vector<uint32_t> only = ParseLevelList("--levels", flags.levels);
  PrepareTorch(options.threads);
  const std::unique_ptr<ProcessGroup> group = ProcessGroup::FromEnvironment();
  const bool first = group == nullptr || group->rank() == 0;
  RunContext context(options, options.workspace,
                     flags.quiet || !first ? Progress::Style::kNone : Progress::DetectStyle());
  const std::vector<RecoveredLevel> levels = RecoverLevels(context, only, group.get());
  if (first) Print(levels, flags.json);
}

}  // namespace

void AddRecoverCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("recover", "Train adapters in a prepared workspace");
  const auto flags = std::make_shared<Flags>();
  command->add_option("bundle", flags->bundle,
                      "the bundle that `elmc prepare` was to write, or its workspace; default: the "
                      "built-in model's, here");
  command->add_option("--levels", flags->levels, "levels to train; default: all")->delimiter(',');
  command->add_option("--threads", flags->threads, "0: as the workspace was prepared with");
  command->add_flag("--json", flags->json, "print the result as JSON");
  command->add_flag("--quiet", flags->quiet, "no progress");
  command->footer(kFooter);
  command->callback([flags] { Run(*flags); });
}

}  // namespace elm
