// The tasks that a tiny LM learns from and is judged by.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "datasets/task.h"
#include "toolchain/tlm/tlm_options.h"

namespace elm {

// Questions of a split. Of files, every fifth task (by its hash) is for validation and the next for
// tests; the built-in world has splits of its own. `count` is of each family, of files of each
// split.
std::vector<Task> TlmTasks(const std::string& spec, const std::string& split, uint32_t count,
                           uint64_t seed, uint32_t wording = 0);

// Tasks that scores are learnt from, by index.
class ScoreSource {
 public:
  explicit ScoreSource(const TlmOptions& options);  // `options` must outlive this

  size_t count() const;
  // Whether task `index` differs from those of all smaller indices; the built-in world has no end.
  bool Has(uint64_t index) const { return tasks_.empty() || index < tasks_.size(); }
  size_t families() const { return std::max<size_t>(1, families_.size()); }
  Task At(uint64_t index) const;

 private:
  const TlmOptions& options_;
  std::vector<uint32_t> families_;
  std::vector<Task> tasks_;  // of a file; empty: the built-in world's
};

}  // namespace elm
