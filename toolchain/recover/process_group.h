// Several processes that train together: each computes a part of every batch, the gradients are
// summed. They find each other as those of torchrun, mpirun or Slurm do, by RANK, WORLD_SIZE,
// MASTER_ADDR and MASTER_PORT in the environment.
#pragma once

#include <memory>

#include "toolchain/base/libtorch.h"

namespace elm {

class ProcessGroup {
 public:
  // nullptr when the environment names no second process. Waits until all have come. Throws
  // elm::Error: settings that contradict each other, processes that do not appear.
  static std::unique_ptr<ProcessGroup> FromEnvironment();

  virtual ~ProcessGroup() = default;

  virtual int rank() const = 0;  // below size()
  virtual int size() const = 0;

  // `tensor` (contiguous, of any device) becomes the sum of all processes' tensors, the same bits
  // in each. Throws elm::Error when a process has gone.
  virtual void Sum(torch::Tensor& tensor) = 0;
  // Whether any process says so.
  bool Any(bool here);
};

}  // namespace elm
