// A GGUF file as fields that a test may damage before they become bytes.
#pragma once

#include <string>
#include <vector>

#include "formats/base/checked_math.h"
#include "formats/checkpoint/testing/tiny_model.h"

namespace elm::testing {

enum GgufType : uint32_t {
  kGgufInt32 = 5,
  kGgufUint32 = 4,
  kGgufFloat32 = 6,
  kGgufBool = 7,
  kGgufString = 8,
  kGgufArray = 9,
};

struct GgufDraft {
  struct Pair {
    std::string key;
    uint32_t type;
    std::string value;  // encoded
  };
  struct Tensor {
    std::string name;
    std::vector<uint64_t> dimensions;  // innermost first, as stored
    uint32_t type;
    uint64_t offset;
    std::string bytes;
  };

  std::string magic = "GGUF";
  uint32_t version = 3;
  uint64_t alignment = 32;
  std::vector<Pair> pairs;
  std::vector<Tensor> tensors;
  std::string trailing;

  std::string Length(uint64_t value) const {
    return version == 1 ? Raw(static_cast<uint32_t>(value)) : Raw(value);
  }
  std::string String(const std::string& text) const { return Length(text.size()) + text; }

  void SetCount(const std::string& key, uint32_t value) {
    Set(key, kGgufUint32, Raw<uint32_t>(value));
  }
  void SetFloat(const std::string& key, float value) { Set(key, kGgufFloat32, Raw<float>(value)); }
  void SetText(const std::string& key, const std::string& value) {
    Set(key, kGgufString, String(value));
  }
  void Set(const std::string& key, uint32_t type, std::string value) {
    for (Pair& pair : pairs) {
      if (pair.key == key) {
        pair = {key, type, std::move(value)};
        return;
      }
    }
    pairs.push_back({key, type, std::move(value)});
  }
  void Remove(const std::string& key) {
    std::erase_if(pairs, [&](const Pair& pair) { return pair.key == key; });
  }
  Tensor& Find(const std::string& name) {
    for (Tensor& tensor : tensors) {
      if (tensor.name == name) return tensor;
    }
    return tensors.front();
  }

  std::string Bytes() const {
    std::string bytes = magic + Raw(version) + Length(tensors.size()) + Length(pairs.size());
    for (const Pair& pair : pairs) bytes += String(pair.key) + Raw(pair.type) + pair.value;
    for (const Tensor& tensor : tensors) {
      bytes += String(tensor.name) + Raw(static_cast<uint32_t>(tensor.dimensions.size()));
      for (uint64_t extent : tensor.dimensions) bytes += Length(extent);
      bytes += Raw(tensor.type) + Raw(tensor.offset);
    }
    const auto pad = [&] { bytes.resize(AlignUp(bytes.size(), alignment), '\0'); };
    for (const Tensor& tensor : tensors) {
      pad();
      bytes += tensor.bytes;
    }
    return bytes + trailing;
  }
};

inline std::string GgufTensorName(const TensorSpec& spec) {
  const char* names[] = {"token_embd", "attn_norm",   "attn_q",      "attn_k",
                         "attn_v",     "attn_output", "ffn_norm",    "ffn_gate",
                         "ffn_up",     "ffn_down",    "output_norm", "output"};
  const std::string name = std::string(names[static_cast<int>(spec.role)]) + ".weight";
  const bool outside = spec.role == TensorRole::kEmbedding || spec.role == TensorRole::kFinalNorm ||
                       spec.role == TensorRole::kHead;
  return outside ? name : StrCat("blk.", spec.layer, ".", name);
}

inline GgufDraft TinyGguf(const ModelConfig& config, DType dtype, uint32_t version = 3) {
  GgufDraft draft;
  draft.version = version;
  draft.SetText("general.architecture", "llama");
  draft.SetCount("llama.block_count", config.layers);
  draft.SetCount("llama.embedding_length", config.width);
  draft.SetCount("llama.feed_forward_length", config.neurons);
  draft.SetCount("llama.context_length", config.context);
  draft.SetCount("llama.attention.head_count", config.query_heads);
  draft.SetCount("llama.attention.head_count_kv", config.kv_heads);
  draft.SetFloat("llama.attention.layer_norm_rms_epsilon", config.rms_epsilon);
  draft.SetCount("tokenizer.ggml.bos_token_id", 1);
  draft.SetCount("tokenizer.ggml.eos_token_id", 2);
  draft.Set("tokenizer.ggml.tokens", kGgufArray,
            Raw<uint32_t>(kGgufString) + draft.Length(2) + draft.String("a") + draft.String("b"));
  const uint32_t types[] = {0, 0, 1, 30};  // by DType
  uint64_t offset = 0;
  for (const TensorSpec& spec : ListTensors(config)) {
    std::vector<uint64_t> dimensions = {spec.columns, spec.rows};
    if (spec.is_vector()) dimensions = {spec.columns};
    std::string bytes = Encode(InterleavedValues(spec, config), dtype);
    const uint64_t size = bytes.size();
    draft.tensors.push_back({GgufTensorName(spec), dimensions, types[static_cast<int>(dtype)],
                             offset, std::move(bytes)});
    offset = AlignUp(offset + size, draft.alignment);
  }
  return draft;
}

}  // namespace elm::testing
