// Where tests find the models and texts of others' making.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace elm {

// "<ELM_ASSETS>/<relative>", or empty where the file or folder is not there; then the test skips
// itself:
//   const std::string path = AssetPath("models/stories3M");
//   if (path.empty()) GTEST_SKIP() << MissingAsset("models/stories3M");
inline std::string AssetPath(const std::string& relative) {
  const char* root = std::getenv("ELM_ASSETS");
  if (root == nullptr || *root == '\0') return {};
  const std::filesystem::path path = std::filesystem::path(root) / relative;
  return std::filesystem::exists(path) ? path.string() : std::string();
}

inline std::string MissingAsset(const std::string& relative) {
  return "needs the third-party file " + relative + ": set ELM_ASSETS to the folder that holds it";
}

}  // namespace elm
