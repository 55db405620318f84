#include "runtime/engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace elm {
namespace {

float Comparable(float logit) {
  return std::isnan(logit) ? -std::numeric_limits<float>::infinity() : logit;
}

uint32_t Highest(std::span<const float> logits) {
  size_t best = 0;
  for (size_t id = 1; id < logits.size(); ++id) {
    if (Comparable(logits[id]) > Comparable(logits[best])) best = id;
  }
  return static_cast<uint32_t>(best);
}

// More probable first, the lower id on a tie.
constexpr auto kMoreProbable = [](const auto& a, const auto& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
};

}  // namespace

Status Validate(const SamplingOptions& options) {
  if (!std::isfinite(options.temperature) || options.temperature < 0) {
    return InvalidArgument("temperature is ", options.temperature, ", expected 0 or more");
  }
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    return InvalidArgument("top-p is ", options.top_p, ", expected more than 0 and at most 1");
  }
  if (!(options.min_p >= 0 && options.min_p < 1)) {
    return InvalidArgument("min-p is ", options.min_p, ", expected at least 0 and less than 1");
  }
  return Status::Ok();
}

Sampler::Sampler(const SamplingOptions& options, size_t vocab)
    : options_(options), engine_(options.seed) {
  if (options_.temperature > 0) candidates_.reserve(vocab);
}

uint32_t Sampler::Next(std::span<const float> logits) {
  if (options_.temperature == 0) return Highest(logits);
  candidates_.clear();
  for (size_t id = 0; id < logits.size(); ++id) {
    candidates_.push_back({static_cast<uint32_t>(id), Comparable(logits[id]), 0});
  }
  KeepTopK();
  ComputeWeights();
  KeepTopP();
  KeepMinP();
  return Draw();
}

void Sampler::KeepTopK() {
  const size_t kept = options_.top_k;
  if (kept == 0 || kept >= candidates_.size()) return;
  const auto end = candidates_.begin() + static_cast<ptrdiff_t>(kept);
  std::partial_sort(candidates_.begin(), end, candidates_.end(), kMoreProbable);
  candidates_.resize(kept);
}

void Sampler::ComputeWeights() {
  float highest = candidates_.front().logit;
  for (const Candidate& candidate : candidates_) highest = std::max(highest, candidate.logit);
  for (Candidate& candidate : candidates_) {
    // Equal logits first: the difference of two infinities is not a number.
    const double below =
        candidate.logit == highest ? 0.0 : static_cast<double>(candidate.logit) - highest;
    candidate.weight = std::exp(below / options_.temperature);
  }
}

// Takes the most probable candidates off a heap until their probability reaches top_p: cheaper than
// sorting a whole vocabulary for the few that are kept.
void Sampler::KeepTopP() {
  if (options_.top_p >= 1) return;
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  const auto less_probable = [](const auto& a, const auto& b) { return kMoreProbable(b, a); };
  std::make_heap(candidates_.begin(), candidates_.end(), less_probable);
  auto rest = candidates_.end();
  double reached = 0;
  while (rest != candidates_.begin() && reached < options_.top_p * total) {
    std::pop_heap(candidates_.begin(), rest, less_probable);
    --rest;
    reached += rest->weight;
  }
  candidates_.erase(candidates_.begin(), rest);
}

void Sampler::KeepMinP() {
  if (options_.min_p <= 0) return;
  std::erase_if(candidates_,
                [this](const Candidate& candidate) { return candidate.weight < options_.min_p; });
}

uint32_t Sampler::Draw() {
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  double rest = Uniform() * total;
  const Candidate* drawn = &candidates_.front();
  for (const Candidate& candidate : candidates_) {
    if (candidate.weight <= 0) continue;
    drawn = &candidate;  // rounding may leave a crumb behind the last one
    rest -= candidate.weight;
    if (rest < 0) break;
  }
  return drawn->id;
}

double Sampler::Uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

}  // namespace elm
