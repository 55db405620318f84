#include "toolchain/pretrain/training_stream.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "toolchain/base/error.h"

namespace elm {
namespace {

constexpr int64_t kRowMultiple = 16;
constexpr size_t kStepsAhead = 8;
// More examples in a row that do not fit mean that none ever will.
constexpr int kMostMisfits = 10000;

}  // namespace

void MicroBatch::Add(const TrainingExample& example) {
  const int64_t rows = example.rows();
  spans.push_back({static_cast<int64_t>(ids.size()), rows});
  ids.insert(ids.end(), example.ids.begin(), example.ids.end() - 1);
  targets.insert(targets.end(), example.ids.begin() + 1, example.ids.end());
  roles.insert(roles.end(), example.roles.begin() + 1, example.roles.end());
  tokens += rows;
}

void MicroBatch::Pad() {
  const auto rows = static_cast<int64_t>(ids.size());
  const int64_t padding = (kRowMultiple - rows % kRowMultiple) % kRowMultiple;
  if (padding == 0) return;
  spans.push_back({rows, padding});
  ids.resize(ids.size() + static_cast<size_t>(padding), 0);
  targets.resize(ids.size(), 0);
  roles.resize(ids.size(), TokenRole::kIgnored);
}

TrainingExample TrainingStream::NextExample(const StreamPosition& start,
                                            uint64_t& next_example) const {
  const bool copying = start.tokens < options_.copy_tokens;
  const bool brief = start.tokens < options_.copy_tokens + options_.short_tokens;
  const int64_t longest = brief && !copying ? std::min(options_.short_rows, options_.longest_rows)
                                            : options_.longest_rows;
  for (int misfits = 0; misfits < kMostMisfits; ++misfits) {
    TrainingExample example = (copying ? copy_ : examples_).Make(next_example++);
    if (example.rows() > 0 && example.rows() <= longest) return example;
  }
  throw Error(InvalidArgument("none of ", kMostMisfits, " examples in a row has at most ", longest,
                              " tokens; allow longer ones with ",
                              brief ? "--short-length" : "--context"));
}

TrainingStep TrainingStream::Make(StreamPosition position) const {
  TrainingStep step;
  step.before = position;
  std::optional<TrainingExample> left_over;
  for (uint32_t part = 0; part < options_.parts; ++part) {
    MicroBatch batch;
    while (true) {
      if (!left_over) left_over = NextExample(step.before, position.next_example);
      const bool fits = batch.tokens + left_over->rows() <= options_.batch_tokens;
      if (!fits && batch.tokens > 0) break;
      batch.Add(*left_over);
      left_over.reset();
    }
    position.tokens += static_cast<uint64_t>(batch.tokens);
    batch.Pad();
    step.parts.push_back(std::move(batch));
  }
  // The one that did not fit any more opens the next step.
  if (left_over) --position.next_example;
  ++position.step;
  step.after = position;
  return step;
}

Prefetcher::Prefetcher(const TrainingStream& stream, StreamPosition start)
    : stream_(stream), thread_([this, start] { Work(start); }) {}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Prefetcher::Work(StreamPosition position) {
  while (true) {
    std::optional<TrainingStep> step;
    std::exception_ptr failure;
    try {
      step = stream_.Make(position);
      position = step->after;
    } catch (...) {
      failure = std::current_exception();
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || ready_.size() < kStepsAhead; });
    if (stopping_) return;
    failure_ = failure;
    if (step) ready_.push_back(std::move(*step));
    changed_.notify_all();
    if (failure) return;
  }
}

TrainingStep Prefetcher::Next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return failure_ || !ready_.empty(); });
  if (ready_.empty()) std::rethrow_exception(failure_);
  TrainingStep step = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  return step;
}

}  // namespace elm
