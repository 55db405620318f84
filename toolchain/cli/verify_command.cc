// elmc verify: every byte of a bundle against its checksums.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "formats/elm/bundle.h"
#include "toolchain/base/error.h"
#include "toolchain/cli/commands.h"

namespace elm {
namespace {

struct Flags {
  std::string bundle;
  bool json = false;
};

void Run(const Flags& flags) {
  const auto bundle = ValueOrThrow(Bundle::Open(flags.bundle));
  ThrowIfError(bundle->VerifyWeights());
  const size_t tensors = bundle->view().tensors.size();
  if (flags.json) {
    const nlohmann::json json = {
        {"file", flags.bundle}, {"ok", true}, {"bytes", bundle->file_size()}, {"tensors", tensors}};
    std::printf("%s\n", json.dump(2).c_str());
    return;
  }
  std::printf("%s: ok, %llu bytes, %zu tensors\n", flags.bundle.c_str(),
              static_cast<unsigned long long>(bundle->file_size()), tensors);
}

}  // namespace

void AddVerifyCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("verify", "Check every byte of a bundle");
  const auto flags = std::make_shared<Flags>();
  command->add_option("bundle", flags->bundle, "the .elm file")->required();
  command->add_flag("--json", flags->json, "print the result as JSON");
  command->footer("A damaged bundle is named with its section or tensor; exit code 3.");
  command->callback([flags] { Run(*flags); });
}

}  // namespace elm
