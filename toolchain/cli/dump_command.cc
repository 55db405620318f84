// elmc dump: everything a bundle says, byte by byte where it lies.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "formats/elm/bundle.h"
#include "formats/elm/dump.h"
#include "toolchain/base/error.h"
#include "toolchain/cli/commands.h"

namespace elm {
namespace {

struct Flags {
  std::string bundle;
  bool json = false;
};

// The rows that a person looks for: what lies where.
void PrintText(const nlohmann::json& dump) {
  const auto number = [](const nlohmann::json& value) { return value.get<unsigned long long>(); };
  std::printf("%-14s %14s %14s  %s\n", "section", "offset", "bytes", "xxh3-64");
  for (const nlohmann::json& section : dump["sections"]) {
    std::printf("%-14s %14llu %14llu  %s\n", section["name"].get<std::string>().c_str(),
                number(section["offset"]), number(section["size"]),
                section["hash"].get<std::string>().c_str());
  }
  std::printf("\n%-44s %-5s %16s %14s %12s\n", "tensor", "type", "shape", "offset", "bytes");
  for (const nlohmann::json& tensor : dump["tensors"]) {
    const std::string shape = StrCat(number(tensor["rows"]), " x ", number(tensor["columns"]));
    std::printf("%-44s %-5s %16s %14llu %12llu\n", tensor["name"].get<std::string>().c_str(),
                tensor["dtype"].get<std::string>().c_str(), shape.c_str(), number(tensor["offset"]),
                number(tensor["size"]));
  }
}

void Run(const Flags& flags) {
  const auto bundle = ValueOrThrow(Bundle::Open(flags.bundle));
  const std::string dump = DumpJson(bundle->view());
  if (flags.json) {
    std::printf("%s\n", dump.c_str());
  } else {
    PrintText(nlohmann::json::parse(dump));
  }
}

}  // namespace

void AddDumpCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("dump", "List a bundle's sections and tensors");
  const auto flags = std::make_shared<Flags>();
  command->add_option("bundle", flags->bundle, "the .elm file")->required();
  command->add_flag("--json", flags->json, "everything, as JSON: levels, tensors, provenance");
  command->callback([flags] { Run(*flags); });
}

}  // namespace elm
