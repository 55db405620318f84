// The batches of a run, as a pure function of the position in it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "toolchain/training/bf16_attention.h"
#include "toolchain/training/training_example.h"

namespace elm {

// How far a run has come: all that decides which examples come next.
struct StreamPosition {
  uint64_t step = 0;
  uint64_t next_example = 0;
  uint64_t tokens = 0;  // predicted so far

  bool operator==(const StreamPosition&) const = default;
};

// Sequences one behind the other: row i holds ids[i] and predicts targets[i].
struct MicroBatch {
  std::vector<int64_t> ids;
  std::vector<int64_t> targets;
  std::vector<TokenRole> roles;  // of the targets
  std::vector<RowSpan> spans;
  int64_t tokens = 0;  // rows without padding

  void Add(const TrainingExample& example);
  // Adds ignored rows up to a multiple, so that matrix products have few different shapes: oneDNN
  // compiles a kernel for each.
  void Pad(int64_t multiple = 16);
};

// What the model sees between two updates.
struct TrainingStep {
  std::vector<MicroBatch> parts;
  StreamPosition before;
  StreamPosition after;
};

struct StreamOptions {
  uint64_t copy_tokens = 0;   // the run begins with so many of the copy source
  uint64_t short_tokens = 0;  // then come so many of examples with at most short_rows
  int64_t short_rows = 0;
  int64_t batch_tokens = 1024;  // a micro-batch; a longer example stands alone
  int64_t longest_rows = 1024;  // longer examples are left out
  uint32_t parts = 2;           // micro-batches per step
  int64_t row_multiple = 16;    // see MicroBatch::Pad()
  // Deal the examples of a step to its micro-batches by length: where a micro-batch is padded to
  // its longest, little is padded.
  bool by_length = false;
};

class TrainingStream {
 public:
  // The sources must outlive the stream.
  TrainingStream(const ExampleSource& copy, const ExampleSource& examples, StreamOptions options)
      : copy_(copy), examples_(examples), options_(options) {}
  // Without examples to copy.
  TrainingStream(const ExampleSource& examples, StreamOptions options)
      : TrainingStream(examples, examples, options) {}

  // Throws elm::Error when no example fits the limits.
  TrainingStep Make(StreamPosition position) const;

 private:
  TrainingExample NextExample(const StreamPosition& start, uint64_t& next_example) const;
  // The examples of one micro-batch after the other, from position.next_example on.
  std::vector<std::vector<TrainingExample>> NextExamples(StreamPosition& position) const;

  const ExampleSource& copy_;
  const ExampleSource& examples_;
  StreamOptions options_;
};

// Makes the steps of a stream ahead of time on a thread of its own.
class Prefetcher {
 public:
  // `stream` must outlive this.
  Prefetcher(const TrainingStream& stream, StreamPosition start);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // The next step; rethrows what making it threw.
  TrainingStep Next();

 private:
  void Work(StreamPosition position);

  const TrainingStream& stream_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<TrainingStep> ready_;
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace elm
