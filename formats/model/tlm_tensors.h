// The tensors of a tiny LM: one list that training, importers, the packer and the runtime share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/model/tlm_config.h"

namespace elm {

// Which copy of the layers. Stored in .elm files: never renumber.
enum class TlmBranch : uint32_t { kShared = 0, kScore = 1, kDecision = 2 };

// What a tensor belongs to. Stored in .elm files: never renumber.
enum class TlmRole : uint32_t {
  kWords = 0,                // [vocab, embedding]
  kPositions = 1,            // [positions, hidden]
  kTokenTypes = 2,           // [token_types, hidden]
  kEmbeddingProjection = 3,  // [hidden, embedding_inputs]: next, own, previous word
  kEmbeddingNorm = 4,        // of [hidden]
  // Of every layer, in the order of computation.
  kInputBottleneck = 5,          // [bottleneck, hidden]: what attention's output is added to
  kInputBottleneckNorm = 6,      // of [bottleneck]
  kAttentionBottleneck = 7,      // [bottleneck, hidden]: inputs of query and key
  kAttentionBottleneckNorm = 8,  // of [bottleneck]
  kQuery = 9,                    // [bottleneck, bottleneck]
  kKey = 10,                     // [bottleneck, bottleneck]
  kValue = 11,                   // [bottleneck, hidden]
  kAttentionOutput = 12,         // [bottleneck, bottleneck]
  kAttentionNorm = 13,           // of [bottleneck]
  // Of every stacked feed-forward network of a layer; the last one is the layer's own in Hugging
  // Face's names.
  kFeedForwardIn = 14,         // [intermediate, bottleneck]
  kFeedForwardOut = 15,        // [bottleneck, intermediate]
  kFeedForwardNorm = 16,       // of [bottleneck]
  kOutputBottleneck = 17,      // [hidden, bottleneck]
  kOutputBottleneckNorm = 18,  // of [hidden]
  // The branches' ends.
  kScoreHead = 19,         // [1, hidden]; retain probability = sigmoid
  kPromptClassifier = 20,  // [prompt_levels, hidden]; softmax
  kModelClassifier = 21,   // [model_levels, hidden]; softmax
  kGridHead = 22,          // [prompt_levels * model_levels, hidden], rows by prompt level; sigmoid
};
inline constexpr uint32_t kTlmRoles = 23;

struct TlmTensorSpec {
  TlmRole role = TlmRole::kWords;
  bool bias = false;  // a norm's shift, a product's bias; else a norm's scale or a matrix
  TlmBranch branch = TlmBranch::kShared;
  uint32_t layer = 0;  // of `layers`, counted from the bottom; 0 outside the layers
  uint32_t part = 0;   // which of the stacked feed-forward networks; 0 elsewhere
  uint64_t rows = 0;   // outputs; 1 for a vector of `columns`
  uint64_t columns = 0;

  bool operator==(const TlmTensorSpec&) const = default;

  bool is_norm() const;
  // Biases and norms; they are always float32.
  bool is_vector() const { return bias || is_norm(); }
};

// Words, positions, token types, embedding projection and norm; the shared layers; the layers of
// the score branch and its head; those of the decision branch, prompt classifier, model classifier
// and grid head. Every product's matrix is followed by its bias, a norm's scale by its shift.
// `config` must be valid.
std::vector<TlmTensorSpec> ListTlmTensors(const TlmConfig& config);

// "score.layers.14.feed_forward.0.in.weight"; unique among the tensors of a TLM.
std::string TlmTensorName(const TlmTensorSpec& spec);

// What a LayerNorm adds to the variance: kPlainNormEpsilon for the embeddings' and the last
// feed-forward network's, norm_epsilon for the others.
float NormEpsilon(const TlmConfig& config, TlmRole role, uint32_t part);

// The name that the tensor has in a Hugging Face MobileBERT checkpoint, e.g.
// "mobilebert.encoder.layer.14.ffn.0.intermediate.dense.weight", whatever the branch; nothing for
// the branches' heads, which such a checkpoint lacks. Shapes are the same. Not part of the format.
std::optional<std::string> MobileBertName(const TlmConfig& config, const TlmTensorSpec& spec);

}  // namespace elm
