#include "toolchain/training/training_stream.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "toolchain/base/error.h"

namespace elm {
namespace {

constexpr size_t kStepsAhead = 8;
// More examples in a row that do not fit mean that none ever will.
constexpr int kMostMisfits = 10000;

// Puts the shortest examples into the first part and so on, with about equally many rows in each.
void DealByLength(std::vector<std::vector<TrainingExample>>& parts) {
  std::vector<TrainingExample> all;
  int64_t rows = 0;
  for (std::vector<TrainingExample>& part : parts) {
    for (TrainingExample& example : part) {
      rows += example.rows();
      all.push_back(std::move(example));
    }
    part.clear();
  }
  std::stable_sort(all.begin(), all.end(), [](const TrainingExample& a, const TrainingExample& b) {
    return a.rows() < b.rows();
  });
  const auto count = static_cast<int64_t>(parts.size());
  int64_t dealt = 0;
  size_t part = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    // A part is full at its share of the rows; each gets at least one example.
    const bool full = dealt * count >= rows * static_cast<int64_t>(part + 1);
    const bool must_leave = all.size() - i < parts.size() - part;
    if (!parts[part].empty() && (full || must_leave) && part + 1 < parts.size()) ++part;
    dealt += all[i].rows();
    parts[part].push_back(std::move(all[i]));
  }
}

}  // namespace

void MicroBatch::Add(const TrainingExample& example) {
  const int64_t rows = example.rows();
  spans.push_back({static_cast<int64_t>(ids.size()), rows});
  ids.insert(ids.end(), example.ids.begin(), example.ids.end() - 1);
  targets.insert(targets.end(), example.ids.begin() + 1, example.ids.end());
  roles.insert(roles.end(), example.roles.begin() + 1, example.roles.end());
  tokens += rows;
}

void MicroBatch::Pad(int64_t multiple) {
  const auto rows = static_cast<int64_t>(ids.size());
  const int64_t padding = (multiple - rows % multiple) % multiple;
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

std::vector<std::vector<TrainingExample>> TrainingStream::NextExamples(
    StreamPosition& position) const {
  const StreamPosition start = position;
  std::vector<std::vector<TrainingExample>> parts(options_.parts);
  std::optional<TrainingExample> left_over;
  for (std::vector<TrainingExample>& part : parts) {
    int64_t rows = 0;
    while (true) {
      if (!left_over) left_over = NextExample(start, position.next_example);
      const bool fits = rows + left_over->rows() <= options_.batch_tokens;
      if (!fits && !part.empty()) break;
      rows += left_over->rows();
      part.push_back(*std::move(left_over));
      left_over.reset();
    }
  }
  // The one that did not fit any more opens the next step.
  if (left_over) --position.next_example;
  return parts;
}

TrainingStep TrainingStream::Make(StreamPosition position) const {
  TrainingStep step;
  step.before = position;
  std::vector<std::vector<TrainingExample>> parts = NextExamples(position);
  if (options_.by_length) DealByLength(parts);
  for (const std::vector<TrainingExample>& part : parts) {
    MicroBatch& batch = step.parts.emplace_back();
    for (const TrainingExample& example : part) batch.Add(example);
    position.tokens += static_cast<uint64_t>(batch.tokens);
    batch.Pad(options_.row_multiple);
  }
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
