#include <filesystem>
#include <system_error>
#include <utility>

#include "formats/base/mapped_file.h"
#include "formats/checkpoint/checkpoint.h"
#include "formats/checkpoint/gguf.h"
#include "formats/checkpoint/gguf_checkpoint.h"
#include "formats/checkpoint/huggingface.h"
#include "formats/checkpoint/llama2c.h"
#include "formats/checkpoint/mapped_checkpoint.h"
#include "formats/checkpoint/safetensors.h"

namespace elm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kForms =
    "a Hugging Face directory (config.json and safetensors), a llama2.c .bin or a GGUF file";

bool StartsWith(std::span<const std::byte> bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() &&
         std::string_view(reinterpret_cast<const char*>(bytes.data()), prefix.size()) == prefix;
}

// torch.save writes a zip archive; before version 1.6 it wrote a bare pickle, protocol 2 or later.
bool LooksLikePickle(std::span<const std::byte> bytes) {
  if (StartsWith(bytes, "PK\x03\x04")) return true;
  return bytes.size() >= 2 && bytes[0] == std::byte{0x80} && bytes[1] >= std::byte{2} &&
         bytes[1] <= std::byte{5};
}

Result<std::unique_ptr<Checkpoint>> OpenFile(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path, MappedFile::Access::kSequential));
  const std::span<const std::byte> bytes = file.bytes();
  if (bytes.empty()) return Corruption(path, ": empty, expected ", kForms);
  if (LooksLikePickle(bytes)) {
    return Unsupported(path,
                       ": weights in Python's pickle format can run code when they are opened "
                       "and are not read; convert them to safetensors");
  }
  if (LooksLikeSafetensors(bytes)) {
    return InvalidArgument(path,
                           ": a safetensors file alone has no configuration; give the directory "
                           "that holds it and its config.json");
  }
  CheckpointContents contents;
  if (LooksLikeGguf(bytes)) {
    ELM_ASSIGN_OR_RETURN(contents, ParseGgufCheckpoint(bytes, path));
  } else if (LooksLikeLlama2c(bytes)) {
    ELM_ASSIGN_OR_RETURN(contents, ParseLlama2c(bytes, path));
  } else {
    return Unsupported(path, ": of no known form, expected ", kForms);
  }
  std::vector<MappedFile> files;
  files.push_back(std::move(file));
  return std::unique_ptr<Checkpoint>(
      std::make_unique<MappedCheckpoint>(std::move(contents), std::move(files)));
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> OpenCheckpoint(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return OpenFile(path);
  const std::string directory = (fs::path(path) / "").parent_path().string();  // no slash behind it
  if (fs::exists(directory + "/config.json", error)) return OpenHuggingFace(directory);
  return NotFound(path, ": a directory without config.json, expected ", kForms);
}

}  // namespace elm
