// A checkpoint that somebody else trained, seen through one door whatever its form.
//
// Three forms are told apart by content, not by name: a Hugging Face directory (config.json,
// safetensors), a llama2.c .bin (v0, v1, v2), a GGUF file. All appear as the tensors of
// ListTensors() under Hugging Face's names, in Hugging Face's half-split rotary order, in the
// element type in which they are stored.
//
// Thread-safety: const methods may run in parallel. The files stay mapped read-only for the life of
// the object and are read tensor by tensor: an import never holds the model twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/dtype.h"
#include "formats/base/status.h"
#include "formats/model/model_config.h"
#include "formats/model/tensor_list.h"

namespace elm {

struct CheckpointTensor {
  TensorSpec spec;
  DType dtype = DType::kF32;
};

// What the checkpoint itself says about special tokens; every id is below the vocabulary's size.
struct SpecialTokens {
  std::optional<uint32_t> bos;
  std::vector<uint32_t> eos;  // each of these ends a text; in the order in which they are stated
  std::string chat_template;  // Jinja text as stored, or empty

  bool operator==(const SpecialTokens&) const = default;
};

class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  // "Hugging Face directory", "llama2.c v0", "GGUF v3".
  virtual std::string form() const = 0;
  // Every file that the tensors and the configuration come from, for hashing. Sorted.
  virtual std::vector<std::string> files() const = 0;
  virtual const ModelConfig& config() const = 0;
  // The SentencePiece model that comes along, or empty: then the user must name one.
  virtual std::string tokenizer_path() const = 0;
  // Empty for forms that state none (llama2.c).
  virtual const SpecialTokens& special_tokens() const = 0;
  // Exactly the tensors of ListTensors(config()), in that order.
  virtual const std::vector<CheckpointTensor>& tensors() const = 0;

  // Copies one tensor, row-major in its stored dtype. `bytes` has rows * columns * DTypeSize(dtype)
  // bytes.
  virtual Status Read(size_t tensor_index, std::span<std::byte> bytes) const = 0;

  // The same converted to float32; `values` has rows * columns elements. Refuses NaN and
  // infinities, naming tensor and element.
  Status ReadFloat(size_t tensor_index, std::span<float> values) const;

  // Index of a tensor by its canonical name.
  Result<size_t> Find(std::string_view name) const;
};

// Opens a directory or file and validates everything but the weights' values: header lengths,
// offsets (no overlaps, no gaps that lie), shapes, dtypes, the exact set of tensors, the
// configuration against the tensors. Refused by name: pickle files, other architectures, sliding
// windows, scaled RoPE, biases, activations other than SiLU.
//
// A head that is stored although it equals the embedding bit for bit counts as tied in a GGUF file
// (which has no word for it) and under tie_word_embeddings; one that differs under
// tie_word_embeddings is refused.
Result<std::unique_ptr<Checkpoint>> OpenCheckpoint(const std::string& path);

}  // namespace elm
