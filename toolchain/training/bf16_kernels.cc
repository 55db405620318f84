#include "toolchain/training/bf16_kernels.h"

#include <cmath>
#include <cstdlib>

#include "formats/base/dtype.h"
#include "toolchain/training/bf16_lanes.h"

namespace elm {

#ifdef ELM_BF16_LANES

bool HasBf16Kernels() {
  static const bool has =
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bf16");
  return has;
}

ELM_BF16 void Bf16AddNorm(const NormRows& rows, const AddNormForward& tensors) {
  const int64_t width = rows.width;
  for (int64_t row = 0; row < rows.rows; ++row) {
    const float* stream = tensors.stream + row * width;
    float* sum = tensors.sum + row * width;
    __m512 squares = _mm512_setzero_ps();
    for (int64_t i = 0; i < width; i += kBf16Lanes) {
      __m512 value = _mm512_loadu_ps(stream + i);
      if (tensors.branch != nullptr) {
        value = _mm512_add_ps(value, LoadBf16(tensors.branch + row * width + i));
      }
      _mm512_storeu_ps(sum + i, value);
      squares = _mm512_fmadd_ps(value, value, squares);
    }
    const float mean = _mm512_reduce_add_ps(squares) / static_cast<float>(width);
    const float inverse = 1.0F / std::sqrt(mean + rows.epsilon);
    tensors.inverse_rms[row] = inverse;
    for (int64_t i = 0; i < width; i += kBf16Lanes) {
      const __m512 scaled = _mm512_mul_ps(_mm512_loadu_ps(sum + i), _mm512_set1_ps(inverse));
      StoreBf16(_mm512_mul_ps(scaled, _mm512_loadu_ps(rows.weight + i)),
                tensors.normed + row * width + i);
    }
  }
}

ELM_BF16 void Bf16AddNormGradient(const NormRows& rows, const AddNormBackward& tensors) {
  const int64_t width = rows.width;
  for (int64_t row = 0; row < rows.rows; ++row) {
    const float* sum = tensors.sum + row * width;
    const uint16_t* gradient = tensors.normed_gradient + row * width;
    const __m512 inverse = _mm512_set1_ps(tensors.inverse_rms[row]);
    __m512 products = _mm512_setzero_ps();
    for (int64_t i = 0; i < width; i += kBf16Lanes) {
      const __m512 incoming = LoadBf16(gradient + i);
      const __m512 normalised = _mm512_mul_ps(_mm512_loadu_ps(sum + i), inverse);
      const __m512 product = _mm512_mul_ps(incoming, normalised);
      float* weight_gradient = tensors.weight_gradient + i;
      _mm512_storeu_ps(weight_gradient, _mm512_add_ps(_mm512_loadu_ps(weight_gradient), product));
      products = _mm512_fmadd_ps(product, _mm512_loadu_ps(rows.weight + i), products);
    }
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(products) / static_cast<float>(width));
    for (int64_t i = 0; i < width; i += kBf16Lanes) {
      const __m512 incoming =
          _mm512_mul_ps(LoadBf16(gradient + i), _mm512_loadu_ps(rows.weight + i));
      const __m512 normalised = _mm512_mul_ps(_mm512_loadu_ps(sum + i), inverse);
      __m512 total = _mm512_mul_ps(inverse, _mm512_fnmadd_ps(normalised, mean, incoming));
      if (tensors.sum_gradient != nullptr) {
        total = _mm512_add_ps(total, _mm512_loadu_ps(tensors.sum_gradient + row * width + i));
      }
      _mm512_storeu_ps(tensors.stream_gradient + row * width + i, total);
      if (tensors.branch_gradient != nullptr) {
        StoreBf16(total, tensors.branch_gradient + row * width + i);
      }
    }
  }
}

ELM_BF16 void Bf16SwiGlu(int64_t rows, int64_t neurons, const uint16_t* gate_up, uint16_t* inner) {
  for (int64_t row = 0; row < rows; ++row) {
    const uint16_t* gates = gate_up + row * 2 * neurons;
    for (int64_t i = 0; i < neurons; i += kBf16Lanes) {
      const __m512 gate = LoadBf16(gates + i);
      const __m512 up = LoadBf16(gates + neurons + i);
      StoreBf16(_mm512_mul_ps(_mm512_mul_ps(gate, Sigmoid(gate)), up), inner + row * neurons + i);
    }
  }
}

ELM_BF16 void Bf16SwiGluGradient(int64_t rows, int64_t neurons, const uint16_t* gate_up,
                                 const uint16_t* inner_gradient, uint16_t* gate_up_gradient) {
  const __m512 one = _mm512_set1_ps(1.0F);
  for (int64_t row = 0; row < rows; ++row) {
    const uint16_t* gates = gate_up + row * 2 * neurons;
    uint16_t* gradients = gate_up_gradient + row * 2 * neurons;
    for (int64_t i = 0; i < neurons; i += kBf16Lanes) {
      const __m512 gate = LoadBf16(gates + i);
      const __m512 up = LoadBf16(gates + neurons + i);
      const __m512 incoming = LoadBf16(inner_gradient + row * neurons + i);
      const __m512 sigmoid = Sigmoid(gate);
      const __m512 silu = _mm512_mul_ps(gate, sigmoid);
      // d silu = sigmoid * (1 + gate * (1 - sigmoid)) = sigmoid + silu * (1 - sigmoid)
      const __m512 slope = _mm512_fmadd_ps(silu, _mm512_sub_ps(one, sigmoid), sigmoid);
      StoreBf16(_mm512_mul_ps(_mm512_mul_ps(incoming, up), slope), gradients + i);
      StoreBf16(_mm512_mul_ps(incoming, silu), gradients + neurons + i);
    }
  }
}

namespace {

// log of the sum of e^value.
ELM_BF16 float LogSumExp(const uint16_t* values, int64_t count) {
  __m512 highest = LoadBf16(values);
  for (int64_t i = kBf16Lanes; i < count; i += kBf16Lanes) {
    highest = _mm512_max_ps(highest, LoadBf16(values + i));
  }
  const float top = _mm512_reduce_max_ps(highest);
  __m512 sums = _mm512_setzero_ps();
  for (int64_t i = 0; i < count; i += kBf16Lanes) {
    sums = _mm512_add_ps(sums, Exp(_mm512_sub_ps(LoadBf16(values + i), _mm512_set1_ps(top))));
  }
  return top + std::log(_mm512_reduce_add_ps(sums));
}

}  // namespace

ELM_BF16 void Bf16CrossEntropy(int64_t rows, int64_t vocab, uint16_t* logits,
                               const int64_t* targets, const float* weights, float* losses) {
  for (int64_t row = 0; row < rows; ++row) {
    uint16_t* values = logits + row * vocab;
    const float log_sum = LogSumExp(values, vocab);
    const int64_t target = targets[row];
    losses[row] = log_sum - Bf16ToFloat(values[target]);
    const __m512 weight = _mm512_set1_ps(weights[row]);
    for (int64_t i = 0; i < vocab; i += kBf16Lanes) {
      const __m512 probability = Exp(_mm512_sub_ps(LoadBf16(values + i), _mm512_set1_ps(log_sum)));
      StoreBf16(_mm512_mul_ps(probability, weight), values + i);
    }
    values[target] = FloatToBf16(weights[row] * (std::exp(-losses[row]) - 1.0F));
  }
}

ELM_BF16 void Bf16Distillation(const DistillationRows& rows) {
  for (int64_t row = 0; row < rows.rows; ++row) {
    uint16_t* student = rows.student + row * rows.vocab;
    const uint16_t* teacher = rows.teacher == nullptr ? nullptr : rows.teacher + row * rows.vocab;
    const int64_t target = rows.targets[row];
    const __m512 weight = _mm512_set1_ps(rows.weights[row]);
    const __m512 student_sum = _mm512_set1_ps(LogSumExp(student, rows.vocab));
    const float next_token = student_sum[0] - Bf16ToFloat(student[target]);
    float wanted = 1.0F - rows.share;  // of the target
    if (teacher == nullptr) {
      for (int64_t i = 0; i < rows.vocab; i += kBf16Lanes) {
        const __m512 likely = Exp(_mm512_sub_ps(LoadBf16(student + i), student_sum));
        StoreBf16(_mm512_mul_ps(likely, weight), student + i);
      }
    } else {
      const __m512 share = _mm512_set1_ps(rows.share);
      const __m512 teacher_sum = _mm512_set1_ps(LogSumExp(teacher, rows.vocab));
      wanted += rows.share * std::exp(Bf16ToFloat(teacher[target]) - teacher_sum[0]);
      __m512 divergence = _mm512_setzero_ps();
      for (int64_t i = 0; i < rows.vocab; i += kBf16Lanes) {
        const __m512 log_student = _mm512_sub_ps(LoadBf16(student + i), student_sum);
        const __m512 log_teacher = _mm512_sub_ps(LoadBf16(teacher + i), teacher_sum);
        const __m512 expected = Exp(log_teacher);
        divergence = _mm512_fmadd_ps(expected, _mm512_sub_ps(log_teacher, log_student), divergence);
        StoreBf16(_mm512_mul_ps(_mm512_fnmadd_ps(expected, share, Exp(log_student)), weight),
                  student + i);
      }
      rows.divergence[row] = _mm512_reduce_add_ps(divergence);
    }
    student[target] = FloatToBf16(rows.weights[row] * (std::exp(-next_token) - wanted));
    rows.next_token[row] = next_token;
  }
}

#else

bool HasBf16Kernels() { return false; }
void Bf16AddNorm(const NormRows&, const AddNormForward&) { std::abort(); }
void Bf16AddNormGradient(const NormRows&, const AddNormBackward&) { std::abort(); }
void Bf16SwiGlu(int64_t, int64_t, const uint16_t*, uint16_t*) { std::abort(); }
void Bf16SwiGluGradient(int64_t, int64_t, const uint16_t*, const uint16_t*, uint16_t*) {
  std::abort();
}
void Bf16CrossEntropy(int64_t, int64_t, uint16_t*, const int64_t*, const float*, float*) {
  std::abort();
}
void Bf16Distillation(const DistillationRows&) { std::abort(); }

#endif

}  // namespace elm
