#include "formats/checkpoint/checkpoint.h"

#include <algorithm>
#include <cmath>

namespace elm {

Status Checkpoint::ReadFloat(size_t tensor_index, std::span<float> values) const {
  if (tensor_index >= tensors().size()) {
    return InvalidArgument("tensor ", tensor_index, " asked for, but there are ", tensors().size());
  }
  const CheckpointTensor& tensor = tensors()[tensor_index];
  if (values.size() != tensor.spec.rows * tensor.spec.columns) {
    return InvalidArgument("tensor ", tensor.spec.name, " has ",
                           tensor.spec.rows * tensor.spec.columns, " elements, but room for ",
                           values.size(), " was given");
  }
  // The stored bytes go to the end of the very memory that the floats will fill: decoding from the
  // front, a float never reaches a 16-bit element that is still to be read.
  const auto bytes = std::as_writable_bytes(values).last(values.size() * DTypeSize(tensor.dtype));
  ELM_RETURN_IF_ERROR(Read(tensor_index, bytes));
  if (tensor.dtype != DType::kF32) DecodeToFloat(tensor.dtype, bytes.data(), values);
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (bad == values.end()) return Status::Ok();
  const auto element = static_cast<uint64_t>(bad - values.begin());
  return Corruption("tensor ", tensor.spec.name, " is ", *bad, " at row ",
                    element / tensor.spec.columns, ", column ", element % tensor.spec.columns,
                    "; the checkpoint is damaged or its training diverged");
}

Result<size_t> Checkpoint::Find(std::string_view name) const {
  const auto& list = tensors();
  const auto found = std::find_if(list.begin(), list.end(), [name](const CheckpointTensor& tensor) {
    return tensor.spec.name == name;
  });
  if (found == list.end()) return NotFound("the checkpoint has no tensor \"", name, "\"");
  return static_cast<size_t>(found - list.begin());
}

}  // namespace elm
