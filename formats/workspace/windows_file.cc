#include "formats/workspace/windows_file.h"

#include "formats/workspace/hdf5_file.h"

namespace elm {
namespace {

constexpr const char* kKind = "windows";
constexpr uint64_t kVersion = 1;

}  // namespace

Status SaveWindows(const std::string& path, const StoredWindows& windows) {
  if (windows.length == 0 || windows.ids.empty() || windows.ids.size() % windows.length != 0) {
    return InvalidArgument(path, ": ", windows.ids.size(), " token ids are no whole number of ",
                           "windows of ", windows.length);
  }
  ELM_ASSIGN_OR_RETURN(Hdf5Writer file, Hdf5Writer::Create(path, kKind, kVersion));
  ELM_RETURN_IF_ERROR(file.WriteString("source", windows.source));
  ELM_RETURN_IF_ERROR(
      file.WriteDataset("ids", windows.ids, {windows.ids.size() / windows.length, windows.length}));
  return file.Commit();
}

Result<StoredWindows> LoadWindows(const std::string& path, uint32_t vocab) {
  ELM_ASSIGN_OR_RETURN(const Hdf5Reader file, Hdf5Reader::Open(path, kKind, kVersion));
  StoredWindows windows;
  ELM_ASSIGN_OR_RETURN(windows.source, file.ReadString("source"));
  ELM_ASSIGN_OR_RETURN(const Hdf5Shape shape, file.ReadShape("ids", 2));
  if (shape[0] == 0 || shape[1] == 0 || shape[1] > UINT32_MAX) {
    return Corruption(path, ": ids: holds ", shape[0], " windows of ", shape[1], " tokens");
  }
  ELM_ASSIGN_OR_RETURN(windows.ids, file.ReadDataset<uint32_t>("ids", shape));
  windows.length = static_cast<uint32_t>(shape[1]);
  for (size_t i = 0; i < windows.ids.size(); ++i) {
    if (windows.ids[i] >= vocab) {
      return Corruption(path, ": ids[", i, "] is ", windows.ids[i], ", the model's vocabulary has ",
                        vocab, "; the windows belong to another tokenizer");
    }
  }
  return windows;
}

}  // namespace elm
