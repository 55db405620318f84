// Bytes as a safetensors file, and the same bytes as a config.json.
#include "formats/checkpoint/huggingface_config.h"
#include "formats/checkpoint/safetensors.h"
#include "formats/json/json_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto tensors = elm::ParseSafetensors(bytes, "input");
  if (tensors.ok()) {
    // Every byte behind the header belongs to exactly one tensor.
    for (size_t i = 1; i < tensors->size(); ++i) {
      const auto& before = (*tensors)[i - 1].bytes;
      if (before.data() + before.size() != (*tensors)[i].bytes.data()) __builtin_trap();
    }
  }
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = elm::ParseJson(text, "input");
  if (json.ok()) {
    const auto config = elm::ParseHuggingFaceConfig(*json, "input");
    if (config.ok() && !elm::Validate(*config).ok()) __builtin_trap();
  }
  return 0;
}
