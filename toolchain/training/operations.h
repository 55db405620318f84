// The operations of a Llama between its matrix products, differentiable. bfloat16 on a processor
// that multiplies it takes the fused kernels (bf16_kernels.h); everything else (float32, CUDA)
// takes LibTorch's own operations. Both compute the same up to rounding.
//
// Rows are the tokens of all sequences of a batch, one behind the other, without padding between.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "toolchain/base/libtorch.h"
#include "toolchain/model/attention.h"
#include "toolchain/training/bf16_attention.h"
#include "toolchain/training/fused.h"

namespace elm {

// The residual stream and what the next matrix product reads.
struct NormedStream {
  torch::Tensor stream;  // [rows, width] float32
  torch::Tensor normed;  // [rows, width] in the model's type
};

// stream + branch, and its RMSNorm times `weight`. stream [rows, width] float32; branch [rows,
// width] in the model's type, or undefined for nothing; weight [width] float32.
NormedStream AddNorm(const torch::Tensor& stream, const torch::Tensor& branch,
                     const torch::Tensor& weight, double epsilon, torch::Dtype dtype,
                     Kernels kernels = Kernels::kAuto);

// silu(gate) * up: gate_up [rows, 2 * neurons], gates first -> [rows, neurons].
torch::Tensor SwiGlu(const torch::Tensor& gate_up, Kernels kernels = Kernels::kAuto);

// Where the sequences of a batch lie, and the angles of their positions.
class SequenceLayout {
 public:
  // `spans` cover the rows in order. `positions` tokens at most per sequence.
  SequenceLayout(std::vector<RowSpan> spans, int64_t head_dim, double rope_theta,
                 torch::Device device);

  const std::vector<RowSpan>& spans() const { return spans_; }
  int64_t rows() const;
  int64_t longest() const;
  const Rotary& rotary() const { return rotary_; }  // of positions [0, longest)
  // Row of each place of [sequences, longest] (a sequence's last row behind its end), int64, and
  // the place of each row.
  const torch::Tensor& pad() const { return pad_; }
  const torch::Tensor& unpad() const { return unpad_; }
  const torch::Tensor& padding() const { return padding_; }  // [places, 1] bool: behind an end

 private:
  std::vector<RowSpan> spans_;
  Rotary rotary_;
  torch::Tensor pad_;
  torch::Tensor unpad_;
  torch::Tensor padding_;
};

// Rotary positions and causal attention of each sequence: packed [rows, (query_heads + 2 kv_heads)
// * head_dim] -> [rows, query_heads * head_dim]. `layout` must outlive the backward pass.
torch::Tensor PackedAttention(const torch::Tensor& packed, const AttentionShape& shape,
                              const SequenceLayout& layout, Kernels kernels = Kernels::kAuto);

struct WeightedLosses {
  torch::Tensor total;  // scalar float32: sum of weights * losses
  torch::Tensor rows;   // [rows] float32, the losses in nats, without gradients
};

// Cross-entropy of softmax(hidden head^T) with gradients to both: hidden [rows, width], head
// [vocab, width], targets int64 [rows], weights float32 [rows]. Logits exist for a few rows at a
// time; no second derivatives.
WeightedLosses WeightedLoss(const torch::Tensor& hidden, const torch::Tensor& head,
                            const torch::Tensor& targets, const torch::Tensor& weights,
                            Kernels kernels = Kernels::kAuto);

}  // namespace elm
