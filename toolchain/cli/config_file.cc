#include "toolchain/cli/config_file.h"

#include <sstream>
#include <vector>

#include "formats/base/mapped_file.h"
#include "formats/base/suggest.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

constexpr uint64_t kMostConfigBytes = uint64_t{1} << 20;

std::vector<CLI::ConfigItem> ReadItems(const std::string& path) {
  std::istringstream text(ValueOrThrow(ReadFile(path, kMostConfigBytes)));
  try {
    return CLI::ConfigTOML().from_config(text);
  } catch (const CLI::Error& error) {
    throw Error(InvalidArgument(path, ": ", error.what()));
  }
}

// Options that may stand in a file: all long flags but --config and --help.
CLI::Option* FindOption(CLI::App& command, const std::string& key) {
  if (key == "config" || key == "help") return nullptr;
  return command.get_option_no_throw("--" + key);
}

Error UnknownKey(CLI::App& command, const std::string& path, const std::string& key) {
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      if (FindOption(command, name) != nullptr) known.push_back(name);
    }
  }
  const std::string suggestion = Suggestion(key, known);
  return Error(InvalidArgument(path, ": unknown key \"", key, "\"",
                               suggestion.empty() ? "; see --help" : suggestion));
}

void Apply(CLI::Option& option, const CLI::ConfigItem& item) {
  if (option.get_expected_min() == 0) {  // a flag
    option.add_result(option.get_flag_value(item.name, CLI::ConfigTOML().to_flag(item)));
  } else {
    option.add_result(item.inputs);
  }
  option.run_callback();
}

}  // namespace

void ApplyConfigFile(CLI::App& command, const std::string& path) {
  for (const CLI::ConfigItem& item : ReadItems(path)) {
    CLI::Option* option = item.parents.empty() ? FindOption(command, item.name) : nullptr;
    if (option == nullptr) throw UnknownKey(command, path, item.fullname());
    if (option->count() > 0) continue;
    try {
      Apply(*option, item);
    } catch (const CLI::Error& error) {
      throw Error(InvalidArgument(path, ": ", item.name, ": ", error.what()));
    }
  }
}

}  // namespace elm
