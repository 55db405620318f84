#include "toolchain/eval/runtime_engine.h"

#include <algorithm>
#include <cmath>

#include "toolchain/base/error.h"

namespace elm {
namespace {

double LogSumExp(std::span<const float> logits) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - highest);
  return highest + std::log(sum);
}

// What is read off the logits of one place in a text.
class Place {
 public:
  explicit Place(std::span<const float> logits) : logits_(logits), total_(LogSumExp(logits)) {}

  double LogProbability(uint32_t id) const { return logits_[id] - total_; }
  uint32_t Greedy() const {
    return static_cast<uint32_t>(std::max_element(logits_.begin(), logits_.end()) -
                                 logits_.begin());
  }

 private:
  std::span<const float> logits_;
  double total_;
};

void Note(const Place& place, std::span<const uint32_t> ids, size_t index, bool greedy,
          ContinuationScore& score) {
  if (index < ids.size()) score.log_probabilities.push_back(place.LogProbability(ids[index]));
  if (greedy) score.greedy.push_back(place.Greedy());
}

// `after_prompt` is the place behind the prompt, where `session` stands.
ContinuationScore ScoreContinuation(Session& session, const Place& after_prompt,
                                    std::span<const uint32_t> ids, bool greedy) {
  ContinuationScore score;
  Note(after_prompt, ids, 0, greedy, score);
  // Nobody asks what follows the last token, unless for the greedy one.
  const size_t run = greedy ? ids.size() : std::max<size_t>(ids.size(), 1) - 1;
  const uint32_t prompt_end = session.position();
  ThrowIfError(session.Score(ids.first(run), [&](size_t index, std::span<const float> logits) {
    Note(Place(logits), ids, index + 1, greedy, score);
  }));
  ThrowIfError(session.Rewind(prompt_end));
  return score;
}

RequestScore ScoreRequest(Session& session, const ScoringRequest& request) {
  session.Reset();
  ThrowIfError(session.Append(request.prompt));
  return ScoreContinuations(session, request);
}

double WindowLoss(Session& session, std::span<const uint32_t> ids) {
  double loss = 0;
  session.Reset();
  ThrowIfError(
      session.Score(ids.first(ids.size() - 1), [&](size_t index, std::span<const float> logits) {
        loss -= Place(logits).LogProbability(ids[index + 1]);
      }));
  return loss / static_cast<double>(ids.size() - 1);
}

}  // namespace

RequestScore ScoreContinuations(Session& session, const ScoringRequest& request) {
  const std::vector<float> logits(session.logits().begin(), session.logits().end());
  const Place after_prompt(logits);
  RequestScore scores;
  for (const auto& continuation : request.continuations) {
    scores.push_back(ScoreContinuation(session, after_prompt, continuation, request.greedy));
  }
  return scores;
}

RuntimeEngine::RuntimeEngine(std::shared_ptr<const Model> model, size_t threads)
    : model_(std::move(model)), sessions_(threads), pool_(threads) {
  OpenSessions(/*adapters=*/true);
}

void RuntimeEngine::OpenSessions(bool adapters) {
  for (auto& session : sessions_) {
    session.reset();  // the new one may take its memory
    session = ValueOrThrow(
        Session::Create(model_, {.kv = KvType::kF32, .adapters = adapters, .threads = 1}));
  }
}

void RuntimeEngine::SetLevel(size_t level) {
  const std::string name = LevelName(model_->levels().levels.at(level).name_permille);
  for (const auto& session : sessions_) ThrowIfError(session->SetLevel(name));
}

std::vector<RequestScore> RuntimeEngine::Score(size_t level,
                                               std::span<const ScoringRequest> requests,
                                               const ScoringProgress& progress) {
  SetLevel(level);
  const std::vector<size_t> order = LongestFirst(requests);
  std::vector<RequestScore> scores(requests.size());
  pool_.ForEach(
      order.size(),
      [&](size_t index, size_t worker) {
        scores[order[index]] = ScoreRequest(*sessions_[worker], requests[order[index]]);
      },
      [&](size_t done) {
        if (progress) progress(done, requests.size());
      });
  return scores;
}

std::vector<double> RuntimeEngine::WindowLosses(size_t level, const TokenWindows& windows,
                                                const ScoringProgress& progress) {
  SetLevel(level);
  std::vector<double> losses(windows.count());
  pool_.ForEach(
      losses.size(),
      [&](size_t index, size_t worker) {
        losses[index] = WindowLoss(*sessions_[worker], windows.row(index));
      },
      [&](size_t done) {
        if (progress) progress(done, losses.size());
      });
  return losses;
}

}  // namespace elm
