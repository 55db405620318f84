#include "toolchain/recover/flat_tensors.h"

#include <cstring>
#include <vector>

#include "formats/base/mapped_file.h"
#include "formats/checkpoint/safetensors.h"
#include "formats/checkpoint/safetensors_writer.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

constexpr int kSchema = 1;
constexpr const char* kAboutKey = "recovery";

MappedFile Open(const std::string& path) {
  return ValueOrThrow(MappedFile::Open(path, MappedFile::Access::kSequential));
}

nlohmann::json AboutOf(const MappedFile& file, const std::string& path) {
  const auto metadata = ValueOrThrow(ParseSafetensorsMetadata(file.bytes(), path));
  const auto found = metadata.find(kAboutKey);
  nlohmann::json about = nlohmann::json::parse(found == metadata.end() ? "" : found->second,
                                               nullptr, /*allow_exceptions=*/false);
  if (about.is_object() && about.value("schema", 0) == kSchema) return about;
  throw Error(Corruption(path, ": is no file of this version's recovery (schema ", kSchema,
                         "); delete it and train the level again"));
}

}  // namespace

void SaveFlatTensors(const std::string& path, const FlatTensors& tensors) {
  std::vector<torch::Tensor> on_cpu;  // keeps the bytes alive
  std::vector<TensorToWrite> to_write;
  for (const auto& [name, vector] : tensors.vectors) {
    on_cpu.push_back(vector.detach().to(torch::kCPU).contiguous());
    const torch::Tensor& kept = on_cpu.back();
    to_write.push_back({.name = name,
                        .dtype = DType::kF32,
                        .shape = {kept.sizes().begin(), kept.sizes().end()},
                        .bytes = {static_cast<const std::byte*>(kept.data_ptr()), kept.nbytes()}});
  }
  nlohmann::json about = tensors.about;
  about["schema"] = kSchema;
  ThrowIfError(WriteSafetensors(path, to_write, {{kAboutKey, about.dump()}}));
}

FlatTensors LoadFlatTensors(const std::string& path) {
  const MappedFile file = Open(path);
  FlatTensors tensors{AboutOf(file, path), {}};
  for (const StoredTensor& stored : ValueOrThrow(ParseSafetensors(file.bytes(), path))) {
    if (stored.dtype != DType::kF32) {
      throw Error(Corruption(path, ": tensor ", stored.name, " is ", stored.type,
                             ", expected F32; delete the file and train the level again"));
    }
    torch::Tensor vector =
        torch::empty({static_cast<int64_t>(stored.bytes.size() / sizeof(float))}, torch::kFloat32);
    std::memcpy(vector.data_ptr(), stored.bytes.data(), vector.nbytes());
    tensors.vectors.emplace(stored.name, std::move(vector));
  }
  return tensors;
}

nlohmann::json ReadAbout(const std::string& path) { return AboutOf(Open(path), path); }

const torch::Tensor& FindVector(const FlatTensors& tensors, const std::string& path,
                                const std::string& name, int64_t count) {
  const auto found = tensors.vectors.find(name);
  if (found != tensors.vectors.end() && found->second.numel() == count) return found->second;
  throw Error(Corruption(path, ": ", name, " is ",
                         found == tensors.vectors.end()
                             ? std::string("missing")
                             : StrCat(found->second.numel(), " elements"),
                         ", expected ", count, " elements; delete the file and train again"));
}

}  // namespace elm
