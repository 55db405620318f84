// Scores by the runtime: the code that a device runs, on the bundle that it will load.
#pragma once

#include <memory>
#include <vector>

#include "runtime/include/elm/elm.hpp"
#include "toolchain/base/worker_pool.h"
#include "toolchain/eval/scoring_engine.h"

namespace elm {

// One session per thread, each request in one of them. Behind the prompt every continuation is run
// in turn, and the session rewound to the prompt's end.
class RuntimeEngine : public ScoringEngine {
 public:
  RuntimeEngine(std::shared_ptr<const Model> model, size_t threads);

  const char* name() const override { return "runtime"; }
  void UseAdapters(bool use) override { OpenSessions(use); }
  std::vector<RequestScore> Score(size_t level, std::span<const ScoringRequest> requests,
                                  const ScoringProgress& progress = {}) override;
  std::vector<double> WindowLosses(size_t level, const TokenWindows& windows,
                                   const ScoringProgress& progress = {}) override;

 private:
  void OpenSessions(bool adapters);
  void SetLevel(size_t level);

  std::shared_ptr<const Model> model_;
  std::vector<std::unique_ptr<Session>> sessions_;  // [threads]
  WorkerPool pool_;
};

// Scores of the continuations of a request whose prompt `session` holds, with its logits: where the
// session stands again afterwards, without logits. Throws elm::Error.
RequestScore ScoreContinuations(Session& session, const ScoringRequest& request);

}  // namespace elm
