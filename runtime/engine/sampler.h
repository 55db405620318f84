// Draws the next token from the logits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "runtime/include/elm/elm.hpp"

namespace elm {

// One per answer. The same options and logits give the same ids on every machine, up to the last
// bits of exp(). A logit that is not a number counts as minus infinity.
class Sampler {
 public:
  // `options` are valid. Allocates for `vocab` candidates, and never again.
  Sampler(const SamplingOptions& options, size_t vocab);

  // `logits` has at least one and at most `vocab` entries.
  uint32_t Next(std::span<const float> logits);

 private:
  struct Candidate {
    uint32_t id;
    float logit;
    double weight;  // relative to the most probable candidate, which has 1
  };

  void KeepTopK();
  void ComputeWeights();
  void KeepTopP();
  void KeepMinP();
  uint32_t Draw();
  double Uniform();  // in [0, 1)

  SamplingOptions options_;
  std::vector<Candidate> candidates_;
  std::mt19937_64 engine_;
};

}  // namespace elm
