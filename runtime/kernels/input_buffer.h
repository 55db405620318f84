// Activations in the form that products read (kernels.h), for a block of tokens at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "formats/base/aligned_buffer.h"
#include "formats/base/status.h"
#include "runtime/kernels/kernels.h"

namespace elm {

class InputBuffer {
 public:
  InputBuffer() = default;
  // Room for `tokens` tokens of at most `columns` inputs, in any form.
  static Result<InputBuffer> Create(size_t tokens, size_t columns);

  size_t bytes() const { return cells_.bytes() + scales_.bytes() + sums_.bytes(); }
  // Gives the memory back to the system until it is written again.
  void Discard();

  // What products with `matrix` will read of the first `columns` inputs of `tokens` rows. The
  // buffers are filled by Fill(); until the next Describe() they stay.
  Inputs Describe(const KernelTable& kernels, const Matrix& matrix, size_t columns, size_t tokens,
                  InputRows rows);

  // What products with f32 and f16 weights read: the rows themselves, in no buffer.
  static Inputs InPlace(size_t columns, size_t tokens, InputRows rows);

  // Converts the tokens [begin, end). May run for different tokens at the same time.
  static void Fill(const KernelTable& kernels, const Inputs& inputs, size_t begin, size_t end);

 private:
  AlignedBuffer<uint32_t> cells_;
  AlignedBuffer<float> scales_;
  AlignedBuffer<int32_t> sums_;
};

}  // namespace elm
