#include "toolchain/pipeline/dry_run.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/engine/memory_estimate.h"
#include "toolchain/eval/text_table.h"
#include "toolchain/pipeline/progress.h"

namespace elm {
namespace {

nlohmann::json RecoveryJson(const RecoverMemory& memory) {
  return {{"frozen_bytes", memory.frozen},
          {"adapter_bytes", memory.adapters},
          {"teacher_bytes", memory.teacher},
          {"activation_bytes", memory.activations},
          {"total_bytes", memory.total()}};
}

std::string RecoveryText(const DryRun& run) {
  if (run.recovery_keeping.total() == 0) return "";
  const RecoverMemory& memory = run.recovery_keeping;
  return "recovery, beside the model: frozen copies " + FormatBytes(memory.frozen) +
         ", adapters with optimiser " + FormatBytes(memory.adapters) + ", teacher " +
         FormatBytes(memory.teacher) + ", activations " + FormatBytes(memory.activations) + " (" +
         FormatBytes(run.recovery_checkpointing.activations) +
         " with --recover-checkpoint-layers)\n";
}

// Free on the disk that `path` would lie on, also where its folder is still to be made; 0: unknown.
uint64_t FreeBytesFor(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path folder = fs::absolute(path, error).parent_path();
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  const fs::space_info space = fs::space(folder, error);
  return error ? 0 : space.available;
}

}  // namespace

uint64_t DryRun::most_host_bytes() const {
  uint64_t most = 0;
  for (const StageEstimate& stage : estimates) most = std::max(most, stage.host_bytes);
  return most;
}

uint64_t DryRun::most_device_bytes() const {
  uint64_t most = 0;
  for (const StageEstimate& stage : estimates) most = std::max(most, stage.device_bytes);
  return most;
}

void AddEstimates(const RunShape& shape, DryRun& run) {
  const MachineSpeed speed = SpeedOf(shape.options);
  const std::vector<StageEstimate> known = EstimateStages(shape, speed);
  run.model = shape.name;
  run.device = shape.options.device;
  run.speed = speed.source;
  for (StageOutcome& stage : run.stages) {
    const auto found = std::find_if(known.begin(), known.end(), [&](const StageEstimate& estimate) {
      return estimate.stage == stage.name;
    });
    StageEstimate estimate{.stage = stage.name};
    if (stage.ran && found != known.end()) estimate = *found;
    stage.seconds = estimate.seconds;
    run.estimates.push_back(estimate);
  }
  run.recovery_keeping = EstimateRecovery(shape, false);
  run.recovery_checkpointing = EstimateRecovery(shape, true);
  run.recovery =
      shape.options.recover.checkpoint_layers ? run.recovery_checkpointing : run.recovery_keeping;
  run.bundle_bytes = EstimateBundleBytes(shape);
  run.workspace_bytes = EstimateWorkspaceBytes(shape);
  run.free_memory = AvailableMemory().value_or(0);
  run.free_bytes = FreeBytesFor(shape.options.output);
}

std::string DryRunText(const DryRun& run) {
  const bool device = run.device != "cpu";
  TextTable table;
  std::vector<std::string> heading = {"stage", "", "about", "memory"};
  if (device) heading.emplace_back("on " + run.device);
  heading.emplace_back("because");
  table.Add(std::move(heading));
  double seconds = 0;
  for (size_t i = 0; i < run.stages.size(); ++i) {
    const StageOutcome& stage = run.stages[i];
    const StageEstimate& estimate = run.estimates[i];
    const auto bytes = [&](uint64_t count) { return count > 0 ? FormatBytes(count) : ""; };
    std::vector<std::string> row = {stage.name, stage.ran ? "would run" : "is kept",
                                    stage.ran ? FormatSeconds(stage.seconds) : "",
                                    bytes(estimate.host_bytes)};
    if (device) row.push_back(bytes(estimate.device_bytes));
    row.push_back(stage.reason);
    table.Add(std::move(row));
    seconds += stage.seconds;
  }
  std::string text = table.Text() + "in all about " + FormatSeconds(seconds) + " (" + run.speed +
                     ")\n" + RecoveryText(run) + "memory at the peak about " +
                     FormatBytes(run.most_host_bytes());
  if (device) text += " and on the device " + FormatBytes(run.most_device_bytes());
  if (run.free_memory > 0) text += ", free here " + FormatBytes(run.free_memory);
  return text + "; bundle " + FormatBytes(run.bundle_bytes) + ", workspace about " +
         FormatBytes(run.workspace_bytes) +
         (run.free_bytes > 0 ? ", free on that disk " + FormatBytes(run.free_bytes) : "") + "\n";
}

nlohmann::json DryRunJson(const DryRun& run) {
  nlohmann::json json = {{"model", run.model},
                         {"workspace", run.workspace},
                         {"device", run.device},
                         {"speed", run.speed},
                         {"memory_bytes", run.most_host_bytes()},
                         {"device_memory_bytes", run.most_device_bytes()},
                         {"free_memory_bytes", run.free_memory},
                         {"bundle_bytes", run.bundle_bytes},
                         {"workspace_bytes", run.workspace_bytes},
                         {"free_bytes", run.free_bytes},
                         {"recovery", RecoveryJson(run.recovery)},
                         {"recovery_checkpointing", RecoveryJson(run.recovery_checkpointing)},
                         {"stages", nlohmann::json::array()}};
  for (size_t i = 0; i < run.stages.size(); ++i) {
    const StageOutcome& stage = run.stages[i];
    json["stages"].push_back({{"name", stage.name},
                              {"would_run", stage.ran},
                              {"reason", stage.reason},
                              {"estimated_seconds", stage.seconds},
                              {"memory_bytes", run.estimates[i].host_bytes},
                              {"device_memory_bytes", run.estimates[i].device_bytes}});
  }
  return json;
}

}  // namespace elm
