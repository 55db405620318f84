// What the machine can do at most, measured with as many threads as a benchmark uses and at the
// same time: shared machines change their mind within minutes.
#pragma once

#include <cstddef>
#include <memory>

#include "formats/base/aligned_buffer.h"
#include "formats/base/status.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/thread_pool.h"

namespace elm {

struct ProbeSample {
  double read_bytes_per_second = 0;
  double operations_per_second = 0;  // multiplications and additions
};

class MachineProbe {
 public:
  // For products with `type`. `buffer_bytes` are read; 0: many times the last cache, but no more
  // than a quarter of the memory that is free.
  static Result<MachineProbe> Create(const KernelTable& kernels, WeightType type, size_t threads,
                                     size_t buffer_bytes = 0);

  // The best of several passes of each: some tens of milliseconds.
  ProbeSample Measure();

  size_t buffer_bytes() const { return buffer_.bytes(); }

 private:
  MachineProbe(const KernelTable& kernels, WeightType type, AlignedBuffer<std::byte> buffer,
               std::unique_ptr<ThreadPool> threads);
  double MeasureRead();
  double MeasureOperations();

  const KernelTable* kernels_;
  WeightType type_;
  AlignedBuffer<std::byte> buffer_;
  std::unique_ptr<ThreadPool> threads_;
};

// "int8 dot products", "bf16 dot products" or "float32 multiply-adds": what products with `type`
// are made of.
const char* OperationName(const KernelTable& kernels, WeightType type);

}  // namespace elm
