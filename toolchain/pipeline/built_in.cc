#include "toolchain/pipeline/built_in.h"

#include <algorithm>
#include <filesystem>

#include "datasets/documents.h"
#include "datasets/pocket/world.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

namespace fs = std::filesystem;

fs::path ShareFolder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return program.parent_path().parent_path() / "share" / "elm";
}

fs::path ModelsFolder() { return ShareFolder() / "models"; }

}  // namespace

std::string SharedFile(const std::string& name) {
  return (ShareFolder() / name).lexically_normal();
}

bool IsBuiltIn(const std::string& name) {
  return name.empty() || (name.starts_with("pocket-") && !fs::exists(name));
}

std::string ResolveCheckpoint(const std::string& name) {
  if (!IsBuiltIn(name)) return name;
  const fs::path folder = ModelsFolder() / (name.empty() ? kBuiltInModel : name);
  if (fs::exists(folder / "config.json")) return folder.lexically_normal();
  throw Error(NotFound("there is no built-in model ", name.empty() ? kBuiltInModel : name, " in ",
                       ModelsFolder().lexically_normal().string(),
                       "; name a checkpoint, or build and install elmc with its models"));
}

std::vector<std::string> BuiltInSiblings(const std::string& name) {
  std::vector<std::string> siblings;
  if (!IsBuiltIn(name)) return siblings;
  const std::string prefix = (name.empty() ? std::string(kBuiltInModel) : name) + "-";
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(ModelsFolder(), error)) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    siblings.push_back(entry.path().lexically_normal());
  }
  std::sort(siblings.begin(), siblings.end());
  return siblings;
}

std::string BuiltInText(size_t documents, uint64_t seed) {
  std::string text;
  for (size_t i = 0; i < documents; ++i) {
    if (i > 0) text += std::string(kDocumentSeparator) + "\n";
    text += pocket::MakeDocument(pocket::Split::kTrain, seed, i);
  }
  return text;
}

}  // namespace elm
