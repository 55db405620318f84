// The parts of a training step between the matrix products, each in one pass over its rows, in
// bfloat16 with float32 arithmetic. Raw kernels for one processor type: the operations that choose
// between them and plain LibTorch are in operations.h.
//
// bfloat16 values are uint16_t. Every count of columns is a multiple of kBf16Columns. Kernels work
// on the calling thread.
#pragma once

#include <cstdint>

namespace elm {

inline constexpr int64_t kBf16Columns = 32;

// Whether this processor has the instructions. Nothing below may be called when it has not.
bool HasBf16Kernels();

// What one call of the norm kernels works on: rows of `width` columns.
struct NormRows {
  int64_t rows = 0;
  int64_t width = 0;
  float epsilon = 0;
  const float* weight = nullptr;  // [width]
};

// stream' = stream + branch (nullptr: nothing to add), normed = rmsnorm(stream') * weight.
struct AddNormForward {
  const float* stream;     // [rows, width]
  const uint16_t* branch;  // [rows, width] or nullptr
  float* sum;              // [rows, width], stream'
  uint16_t* normed;        // [rows, width]
  float* inverse_rms;      // [rows]
};
void Bf16AddNorm(const NormRows& rows, const AddNormForward& tensors);

// Its derivatives; `stream_gradient` is also the branch's.
struct AddNormBackward {
  const float* sum;                 // [rows, width], of the forward pass
  const float* inverse_rms;         // [rows], of the forward pass
  const float* sum_gradient;        // [rows, width] or nullptr for zeros
  const uint16_t* normed_gradient;  // [rows, width]
  float* stream_gradient;           // [rows, width]
  uint16_t* branch_gradient;        // [rows, width] or nullptr
  float* weight_gradient;           // [width], added to
};
void Bf16AddNormGradient(const NormRows& rows, const AddNormBackward& tensors);

// inner = silu(gate) * up; gate_up [rows, 2 * neurons]: gate, then up.
void Bf16SwiGlu(int64_t rows, int64_t neurons, const uint16_t* gate_up, uint16_t* inner);
void Bf16SwiGluGradient(int64_t rows, int64_t neurons, const uint16_t* gate_up,
                        const uint16_t* inner_gradient, uint16_t* gate_up_gradient);

// losses[row] = -log softmax(logits[row])[targets[row]]; `logits` [rows, vocab] become
// weights[row] * d losses[row] / d logits[row].
void Bf16CrossEntropy(int64_t rows, int64_t vocab, uint16_t* logits, const int64_t* targets,
                      const float* weights, float* losses);

// What one call of the distillation kernel works on.
struct DistillationRows {
  int64_t rows = 0;
  int64_t vocab = 0;
  float share = 0;          // of the divergence in the loss
  uint16_t* student;        // [rows, vocab] logits; become weight * d loss / d logit
  const uint16_t* teacher;  // [rows, vocab] logits, or nullptr when share is 0
  const int64_t* targets;   // [rows]
  const float* weights;     // [rows]
  float* next_token;        // [rows], written: -log student(target)
  float* divergence;        // [rows], written: KL(teacher || student); untouched without teacher
};
// loss = share * divergence + (1 - share) * next_token, of each row.
void Bf16Distillation(const DistillationRows& rows);

}  // namespace elm
