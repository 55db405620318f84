// MobileBERT's forward pass (Sun et al. 2020) over one window, without padding.
//
// Threads share the window's tokens, not the outputs of a product: each takes some tokens through a
// whole layer, so that they wait for each other once a layer, where attention needs everybody's
// keys and values.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "formats/base/aligned_buffer.h"
#include "formats/base/status.h"
#include "formats/elm/bundle.h"
#include "runtime/kernels/input_buffer.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/thread_pool.h"
#include "runtime/tlm/tlm_weights.h"

namespace elm {

class TlmEncoder {
 public:
  // All memory is allocated here. The bundle's bytes must outlive the encoder.
  static Result<std::unique_ptr<TlmEncoder>> Create(const BundleTlm& tlm,
                                                    const KernelTable& kernels, uint32_t threads);

  // Runs the embeddings and the shared layers over 1 to config.positions ids, each below vocab;
  // token types are below config.token_types.
  void RunShared(std::span<const uint32_t> ids, std::span<const uint32_t> token_types);

  // Runs a branch's layers on what RunShared() left, which stays, and returns the last layer's
  // states, [tokens, hidden]; they stay until the next Run...(). With `first_only` only the first
  // row is there.
  const float* RunBranch(TlmBranch branch, bool first_only = false);

  // outputs[rows, linear.matrix.rows] = linear(states), for some rows of states.
  void Apply(const TlmLinear& linear, const float* states, size_t rows, float* outputs);

  const TlmWeights& weights() const { return weights_; }
  uint64_t scratch_bytes() const;

 private:
  // What a thread writes to on its way. C is kChunkTokens.
  struct ThreadScratch {
    AlignedBuffer<float> words;       // [C + 2, embedding]
    AlignedBuffer<float> wide;        // [C, the widest of inputs and outputs]
    AlignedBuffer<float> narrow;      // [C, bottleneck]
    AlignedBuffer<float> narrow_too;  // [C, bottleneck]
    AlignedBuffer<float> table_row;   // [hidden]
    AlignedBuffer<float> scores;      // AttentionScratch(positions)
    InputBuffer inputs;
  };
  // Keys and values of one layer, by head (kv_layout.h).
  struct KeysAndValues {
    AlignedBuffer<float> keys;
    AlignedBuffer<float> values;
  };
  struct Chunk {
    size_t begin;
    size_t count;
  };
  class Step;

  TlmEncoder(const BundleTlm& tlm, const KernelTable& kernels);
  Status Allocate(uint32_t threads);
  void RunLayers(std::span<const TlmLayer> layers, AlignedBuffer<float>& states, bool first_only);
  template <typename Work>
  void ForEachChunk(const Work& work);

  const TlmConfig config_;
  const KernelTable& kernels_;
  TlmWeights weights_;
  std::unique_ptr<ThreadPool> threads_;
  size_t tokens_ = 0;             // of the current window
  AlignedBuffer<float> shared_;   // [positions, hidden]
  AlignedBuffer<float> states_;   // [positions, hidden]
  AlignedBuffer<float> queries_;  // [positions, bottleneck]
  AlignedBuffer<float> inputs_;   // [positions, bottleneck]: what attention's output is added to
  KeysAndValues kv_[2];           // the layer that attends, and the next one
  std::vector<ThreadScratch> scratch_;
};

}  // namespace elm
