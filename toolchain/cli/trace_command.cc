// elmc trace: the end-to-end experiment, requests of several apps with their SLOs.
#include "formats/base/status.h"
#include "toolchain/base/error.h"
#include "toolchain/cli/commands.h"
#include "toolchain/cli/trace_commands.h"

namespace elm {

void AddTraceCommand(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("trace", "Make and play traces: requests of apps that name their SLO");
  command->callback([command] {
    if (!command->get_subcommands().empty()) return;
    throw Error(InvalidArgument("trace takes a command: make or run; see --help"));
  });
  command->footer(
      "A trace is a list of requests: which app asks what, when, and how fast the answer must "
      "come\n"
      "(docs/traces.md). Examples:\n"
      "  elmc trace make --alpha 0.25 --count 600 --seed 1 -o trace.json\n"
      "  elmc trace run model.elm --trace trace.json --latency device.lat.json\n"
      "  elmc trace run model.elm --alphas -0.25,0,0.25 --seeds 1,2,3 --economics reference "
      "--json out.json");
  AddTraceMake(*command);
  AddTraceRun(*command);
}

}  // namespace elm
