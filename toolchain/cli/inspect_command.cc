// elmc inspect: what a bundle is, for people.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "formats/elm/bundle.h"
#include "formats/elm/elastic_text.h"
#include "formats/elm/level_text.h"
#include "toolchain/base/error.h"
#include "toolchain/cli/commands.h"
#include "toolchain/pack/storage_text.h"
#include "toolchain/pipeline/progress.h"

namespace elm {
namespace {

void PrintModel(const Bundle& bundle) {
  const ModelConfig& config = bundle.config();
  std::printf("%s: elm %u.%u, %s\n", bundle.path().c_str(), bundle.view().major,
              bundle.view().minor, FormatBytes(bundle.file_size()).c_str());
  std::printf("model: %u layers, width %u, %u query heads / %u KV heads of %u, %u neurons\n",
              config.layers, config.width, config.query_heads, config.kv_heads, config.head_dim,
              config.neurons);
  std::printf("       vocabulary %u, context %u tokens, %s head, rope theta %g\n", config.vocab,
              config.context, config.tied_head ? "tied" : "own",
              static_cast<double>(config.rope_theta));
}

void PrintProvenance(const Bundle& bundle) {
  const nlohmann::json provenance =
      nlohmann::json::parse(bundle.view().provenance_json, nullptr, /*allow_exceptions=*/false);
  if (!provenance.is_object()) return;
  std::printf("made by:\n");
  for (const auto& [key, value] : provenance.items()) {
    if (value.is_structured()) continue;  // measured tables: `elmc dump --json` has them
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    std::printf("  %-18s %s\n", key.c_str(), text.c_str());
  }
}

void Run(const std::string& path) {
  const auto bundle = ValueOrThrow(Bundle::Open(path));
  PrintModel(*bundle);
  std::printf("matrices:\n%s", StorageText(*bundle).c_str());
  std::printf("\n%s\n", LevelTableText(bundle->view()).c_str());
  if (const std::string elastic = ElasticText(bundle->view()); !elastic.empty()) {
    std::printf("%s\n", elastic.c_str());
  }
  PrintProvenance(*bundle);
}

}  // namespace

void AddInspectCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "inspect", "Show a bundle's model, how its weights are stored, its level table");
  const auto path = std::make_shared<std::string>();
  command->add_option("bundle", *path, "the .elm file")->required();
  command->footer("`elmc dump --json` prints everything, for programs.");
  command->callback([path] { Run(*path); });
}

}  // namespace elm
