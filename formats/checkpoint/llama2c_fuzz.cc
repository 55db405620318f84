// Parses the bytes and, where they are sound, reads every tensor.
#include <vector>

#include "formats/checkpoint/llama2c.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto contents = elm::ParseLlama2c(bytes, "input");
  if (!contents.ok()) return 0;
  if (!elm::Validate(contents->config).ok()) __builtin_trap();
  for (size_t i = 0; i < contents->tensors.size(); ++i) {
    const elm::CheckpointTensor& tensor = contents->tensors[i];
    std::vector<std::byte> values(tensor.spec.rows * tensor.spec.columns *
                                  elm::DTypeSize(tensor.dtype));
    if (!elm::ReadTensor(*contents, i, values).ok()) __builtin_trap();
  }
  return 0;
}
