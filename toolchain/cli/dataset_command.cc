// elmc dataset: the tasks that models are trained and measured on.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "datasets/pocket/world.h"
#include "datasets/public/public_sets.h"
#include "toolchain/base/error.h"
#include "toolchain/cli/commands.h"
#include "toolchain/cli/dataset_commands.h"

namespace elm {
namespace {

std::string ChanceText(uint32_t options) {
  return options == 0 ? "exact match" : StrCat("1 of ", options);
}

void PrintList() {
  std::printf("The pocket world, made here without end (elmc dataset make):\n");
  for (const pocket::Family& family : pocket::Families()) {
    std::printf("  %-14s %-11s  %s\n", std::string(family.name).c_str(),
                ChanceText(family.options).c_str(), std::string(family.description).c_str());
  }
  std::printf("  %-14s %-11s  %s\n", "corpus", "", "plain text of the same world");
  std::printf("\nPublic sets, read from a file as NAME:FILE:\n");
  for (const PublicSet& set : PublicSets()) {
    std::printf("  %-14s %-11s  %s\n", std::string(set.name).c_str(),
                ChanceText(set.options).c_str(), std::string(set.description).c_str());
    std::printf("  %-14s %-11s  reads: %s\n", "", "", std::string(set.form).c_str());
    std::printf("  %-14s %-11s  from:  %s\n", "", "", std::string(set.published).c_str());
  }
}

void PrintListJson() {
  nlohmann::ordered_json list = {{"pocket", nlohmann::json::array()},
                                 {"public", nlohmann::json::array()}};
  const auto chance = [](uint32_t options) { return options == 0 ? 0.0 : 1.0 / options; };
  for (const pocket::Family& family : pocket::Families()) {
    list["pocket"].push_back({{"name", family.name},
                              {"description", family.description},
                              {"multiple_choice", family.multiple_choice},
                              {"chance", chance(family.options)}});
  }
  for (const PublicSet& set : PublicSets()) {
    list["public"].push_back({{"name", set.name},
                              {"description", set.description},
                              {"multiple_choice", set.options != 0},
                              {"chance", chance(set.options)},
                              {"form", set.form},
                              {"published", set.published}});
  }
  std::printf("%s\n", list.dump(2).c_str());
}

void AddList(CLI::App& command) {
  CLI::App* list = command.add_subcommand("list", "What tasks there are, and what chance gets");
  const auto json = std::make_shared<bool>(false);
  list->add_flag("--json", *json, "as JSON, for programs");
  list->callback([json] { *json ? PrintListJson() : PrintList(); });
}

}  // namespace

void AddDatasetCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("dataset", "List, show and make tasks");
  // Not require_subcommand(): that would answer a misspelt name without a suggestion.
  command->callback([command] {
    if (!command->get_subcommands().empty()) return;
    throw Error(InvalidArgument("dataset takes a command: list, show or make; see --help"));
  });
  command->footer(
      "Tasks are questions with known answers. The pocket world makes them without end; public "
      "sets\n"
      "are read from the files their authors distribute; a task file holds tasks of any kind\n"
      "(docs/datasets.md). Examples:\n"
      "  elmc dataset list\n"
      "  elmc dataset show screen --seed 7 --index 3\n"
      "  elmc dataset make --task app --count 1000 --seed 7 --split train -o tasks.jsonl");
  AddList(*command);
  AddDatasetShow(*command);
  AddDatasetMake(*command);
}

}  // namespace elm
