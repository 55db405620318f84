#include "toolchain/cli/workspace_of.h"

#include <filesystem>

#include "toolchain/base/error.h"
#include "toolchain/pipeline/built_in.h"

namespace elm {

std::string WorkspaceOf(const std::string& given) {
  namespace fs = std::filesystem;
  const std::string name = given.empty() ? std::string(kBuiltInModel) + ".elm" : given;
  for (const std::string& path : {name, name + ".work"}) {
    if (fs::exists(path + "/manifest.json")) return fs::absolute(path).lexically_normal();
  }
  throw Error(NotFound(name,
                       ".work: there is no workspace here; make one with `elmc prepare ... "
                       "--to reorder`, or name the bundle or its workspace"));
}

}  // namespace elm
