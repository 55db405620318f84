// A tiny model in memory and in each of the forms that are read, for tests.
#pragma once

#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/dtype.h"
#include "formats/checkpoint/mapped_checkpoint.h"
#include "formats/model/model_config.h"
#include "formats/model/tensor_list.h"

namespace elm::testing {

inline std::span<const std::byte> BytesOf(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

template <typename T>
std::string Raw(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

// Every size differs from every other; 2 layers, 4 heads over 2 KV heads.
inline ModelConfig TinyConfig(bool tied_head = false) {
  return {.layers = 2,
          .width = 16,
          .query_heads = 4,
          .kv_heads = 2,
          .head_dim = 4,
          .neurons = 12,
          .vocab = 20,
          .context = 32,
          .tied_head = tied_head};
}

// The values of one tensor, exact in every element type; no two tensors or rows are alike.
inline std::vector<float> TinyValues(const TensorSpec& spec) {
  std::vector<float> values(spec.rows * spec.columns);
  size_t seed = 0;
  for (char c : spec.name) seed = (seed * 31 + static_cast<unsigned char>(c)) % 127;
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>((seed + i * 13) % 127) - 63.0F;
  }
  return values;
}

inline std::string Encode(const std::vector<float>& values, DType dtype) {
  std::string bytes(values.size() * DTypeSize(dtype), '\0');
  EncodeFromFloat(dtype, values, reinterpret_cast<std::byte*>(bytes.data()));
  return bytes;
}

// The same tensor with the rows of q and k in interleaved rotary pairs.
inline std::vector<float> InterleavedValues(const TensorSpec& spec, const ModelConfig& config) {
  const std::vector<float> values = TinyValues(spec);
  if (spec.role != TensorRole::kQuery && spec.role != TensorRole::kKey) return values;
  std::vector<float> result(values.size());
  for (uint64_t row = 0; row < spec.rows; ++row) {
    // Pair i of a head is (i, i + half) in halves and (2i, 2i + 1) interleaved.
    const uint64_t half = config.head_dim / 2;
    const uint64_t head = row / config.head_dim;
    const uint64_t within = row % config.head_dim;
    const uint64_t to =
        head * config.head_dim + (within < half ? 2 * within : 2 * (within - half) + 1);
    std::copy_n(values.begin() + row * spec.columns, spec.columns,
                result.begin() + to * spec.columns);
  }
  return result;
}

// --- Safetensors

struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  std::vector<uint64_t> shape;
  std::string bytes;
};

// Header text and data as a file.
inline std::string SafetensorsFrame(std::string_view header, std::string_view data) {
  return Raw<uint64_t>(header.size()) + std::string(header) + std::string(data);
}

inline std::string SafetensorsBytes(const std::vector<SafetensorsEntry>& entries) {
  nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const SafetensorsEntry& entry : entries) {
    header[entry.name] = {{"dtype", entry.dtype},
                          {"shape", entry.shape},
                          {"data_offsets", {data.size(), data.size() + entry.bytes.size()}}};
    data += entry.bytes;
  }
  return SafetensorsFrame(header.dump(), data);
}

inline std::vector<SafetensorsEntry> TinySafetensors(const ModelConfig& config, DType dtype) {
  const char* names[] = {"", "F32", "F16", "BF16"};
  std::vector<SafetensorsEntry> entries;
  for (const TensorSpec& spec : ListTensors(config)) {
    std::vector<uint64_t> shape = {spec.rows, spec.columns};
    if (spec.is_vector()) shape = {spec.columns};
    entries.push_back(
        {spec.name, names[static_cast<int>(dtype)], shape, Encode(TinyValues(spec), dtype)});
  }
  return entries;
}

inline nlohmann::json TinyConfigJson(const ModelConfig& config) {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"hidden_size", config.width},
          {"intermediate_size", config.neurons},
          {"num_hidden_layers", config.layers},
          {"num_attention_heads", config.query_heads},
          {"num_key_value_heads", config.kv_heads},
          {"vocab_size", config.vocab},
          {"max_position_embeddings", config.context},
          {"rms_norm_eps", 1e-5},
          {"tie_word_embeddings", config.tied_head},
          {"bos_token_id", 1},
          {"eos_token_id", 2}};
}

// --- llama2.c

// Groups of 4 elements in v2; its values come back exactly because every scale is 1.
inline std::string Llama2cBytes(const ModelConfig& config, int version) {
  using enum TensorRole;
  const auto number = [](uint32_t value) { return Raw<int32_t>(static_cast<int32_t>(value)); };
  const uint32_t vocab = version == 0 && !config.tied_head ? -config.vocab : config.vocab;
  std::string bytes = version == 0 ? "" : Raw<uint32_t>(0x616b3432) + Raw<int32_t>(version);
  bytes += number(config.width) + number(config.neurons) + number(config.layers) +
           number(config.query_heads) + number(config.kv_heads) + number(vocab) +
           number(config.context);
  if (version > 0) bytes += config.tied_head ? '\1' : '\0';
  if (version == 2) bytes += Raw<int32_t>(4);
  if (version > 0) bytes.resize(256, '\0');
  const auto add = [&](TensorRole role) {
    for (const TensorSpec& spec : ListTensors(config)) {
      if (spec.role != role) continue;
      const std::vector<float> values = InterleavedValues(spec, config);
      if (version < 2 || spec.is_vector()) {
        bytes += Encode(values, DType::kF32);
        continue;
      }
      for (float value : values) bytes += static_cast<char>(value);
      bytes += Encode(std::vector<float>(values.size() / 4, 1.0F), DType::kF32);
    }
  };
  if (version == 0) {
    for (auto role : {kEmbedding, kAttentionNorm, kQuery, kKey, kValue, kOutput, kMlpNorm, kGate,
                      kDown, kUp, kFinalNorm}) {
      add(role);
    }
    bytes += std::string(config.context * config.head_dim * sizeof(float), '\0');
  } else {
    for (auto role : {kAttentionNorm, kMlpNorm, kFinalNorm, kEmbedding, kQuery, kKey, kValue,
                      kOutput, kGate, kDown, kUp}) {
      add(role);
    }
  }
  add(kHead);
  return bytes;
}

}  // namespace elm::testing
