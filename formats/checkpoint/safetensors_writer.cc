#include "formats/checkpoint/safetensors_writer.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "formats/base/atomic_file.h"
#include "formats/base/checked_math.h"
#include "formats/checkpoint/safetensors.h"

namespace elm {
namespace {

constexpr size_t kHeaderAlignment = 8;

// "F32", as the container spells element types.
std::string TypeName(DType dtype) {
  std::string name = DTypeName(dtype);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
  return name;
}

Status CheckSize(const TensorToWrite& tensor) {
  const auto elements = CheckedProduct(tensor.shape);
  if (elements && *elements * DTypeSize(tensor.dtype) == tensor.bytes.size()) return Status::Ok();
  return Internal("tensor ", tensor.name, " has ", tensor.bytes.size(),
                  " bytes, which is not what its shape takes");
}

Result<std::string> Header(std::span<const TensorToWrite> tensors,
                           const SafetensorsMetadata& metadata) {
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const TensorToWrite& tensor : tensors) {
    ELM_RETURN_IF_ERROR(CheckSize(tensor));
    const uint64_t end = offset + tensor.bytes.size();
    header[tensor.name] = {{"dtype", TypeName(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  if (text.size() > kMaxSafetensorsHeader) return Internal("the header is too long");
  return text;
}

}  // namespace

Status WriteSafetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                        const SafetensorsMetadata& metadata) {
  const Result<std::string> header = Header(tensors, metadata);
  if (!header.ok()) return header.status().In(path);
  const uint64_t length = header.value().size();
  uint64_t size = sizeof length + length;
  for (const TensorToWrite& tensor : tensors) size += tensor.bytes.size();
  ELM_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  ELM_RETURN_IF_ERROR(file.Reserve(size));
  ELM_RETURN_IF_ERROR(file.WriteAt(0, std::as_bytes(std::span(&length, 1))));
  ELM_RETURN_IF_ERROR(file.WriteAt(sizeof length, std::as_bytes(std::span(header.value()))));
  uint64_t offset = sizeof length + length;
  for (const TensorToWrite& tensor : tensors) {
    ELM_RETURN_IF_ERROR(file.WriteAt(offset, tensor.bytes));
    offset += tensor.bytes.size();
  }
  return file.Commit();
}

}  // namespace elm
