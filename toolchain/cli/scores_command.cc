// elmc scores: profiles made apart, put together.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "formats/workspace/scores.h"
#include "toolchain/base/error.h"
#include "toolchain/cli/commands.h"
#include "toolchain/pipeline/workspace_files.h"

namespace elm {
namespace {

struct Scores {
  UnitScores units;
  LayerScores layers;
};

Scores Load(const std::string& folder) {
  return {ValueOrThrow(LoadUnitScores(StrCat(folder, "/", kUnitScoresFile))),
          ValueOrThrow(LoadLayerScores(StrCat(folder, "/", kLayerScoresFile)))};
}

void Merge(const std::vector<std::string>& folders, const std::string& output) {
  Scores merged = Load(folders.front());
  for (size_t i = 1; i < folders.size(); ++i) {
    const Scores next = Load(folders[i]);
    ThrowIfError(merged.units.Merge(next.units).In(folders[i]));
    ThrowIfError(merged.layers.Merge(next.layers).In(folders[i]));
  }
  std::filesystem::create_directories(output);
  ThrowIfError(SaveUnitScores(StrCat(output, "/", kUnitScoresFile), merged.units));
  ThrowIfError(SaveLayerScores(StrCat(output, "/", kLayerScoresFile), merged.layers));
  std::printf("wrote %s: %llu sequences from %zu profiles\n", output.c_str(),
              static_cast<unsigned long long>(merged.units.sequences), folders.size());
}

// One line per layer: what its loss costs, and a bar to compare by eye.
void Show(const std::string& folder) {
  const Scores scores = Load(folder);
  const auto sequences = static_cast<double>(scores.layers.sequences);
  std::printf("%llu sequences, loss %.4f nats per token; loss increase when a layer is skipped:\n",
              static_cast<unsigned long long>(scores.layers.sequences),
              scores.layers.loss_sum / sequences);
  double highest = 0;
  for (uint32_t layer = 0; layer < scores.units.layers; ++layer) {
    highest = std::max(highest, scores.layers.Importance(layer));
  }
  for (uint32_t layer = 0; layer < scores.units.layers; ++layer) {
    const double importance = scores.layers.Importance(layer);
    const double cells = highest > 0 ? 40 * std::max(0.0, importance) / highest : 0;
    std::string bar;
    for (int cell = 0; cell < static_cast<int>(cells + 0.5); ++cell) bar += "█";
    std::printf("%4u  %8.4f  %s\n", layer, importance, bar.c_str());
  }
}

}  // namespace

void AddScoresCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("scores", "Show or merge what profiling measured");
  command->require_subcommand(1);
  command->footer(
      "A workspace is a folder with scores, so profiles of one model on several machines or texts\n"
      "are merged and used like this:\n"
      "  elmc prepare M --data a.txt -o a.elm --to profile\n"
      "  elmc prepare M --data b.txt -o b.elm --to profile\n"
      "  elmc scores merge a.elm.work b.elm.work -o merged\n"
      "  elmc prepare M --data a.txt --scores merged -o model.elm");

  CLI::App* merge = command->add_subcommand("merge", "Add up the scores of several folders");
  const auto folders = std::make_shared<std::vector<std::string>>();
  const auto output = std::make_shared<std::string>();
  merge->add_option("folders", *folders, "workspaces, or earlier outputs of merge")->required();
  merge->add_option("-o,--output", *output, "folder to write")->required();
  merge->callback([folders, output] { Merge(*folders, *output); });

  CLI::App* show = command->add_subcommand("show", "Layer importance, layer by layer");
  const auto folder = std::make_shared<std::string>();
  show->add_option("folder", *folder, "a workspace, or an output of merge")->required();
  show->callback([folder] { Show(*folder); });
}

}  // namespace elm
