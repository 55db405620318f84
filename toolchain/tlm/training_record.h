// What an interrupted training of a tiny LM goes on from: how far which phase came, with the learnt
// tensors and the optimiser's moments, in one safetensors file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "toolchain/tlm/tlm_optimizer.h"

namespace elm {

class TrainingRecord {
 public:
  // `key` hashes all that decides the training's result; a file with another key, or one that is
  // damaged, is as good as none. `phases` in their order, by name.
  TrainingRecord(std::string path, std::string key, std::vector<std::string> phases);

  // Whether an earlier sitting went beyond `phase`, so that nothing of it is needed any more.
  bool IsPast(const std::string& phase) const;

  // Brings `optimizer` to where `phase` was left: an earlier phase is at its end, though without
  // its weights (those of the phase that follows hold them), a later one at its beginning.
  void Resume(const std::string& phase, TlmOptimizer& optimizer) const;

  // Atomic: a failure leaves the record before it. Throws elm::Error.
  void Keep(const std::string& phase, TlmOptimizer& optimizer);

  // There is nothing left to go on with.
  void Remove();

 private:
  size_t IndexOf(const std::string& phase) const;

  std::string path_;
  std::string key_;
  std::vector<std::string> phases_;
  size_t phase_ = 0;      // of the record
  uint64_t updates_ = 0;  // of that phase that are done; 0: there is no record
};

}  // namespace elm
