#include "toolchain/training/training_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/base/error.h"

namespace elm {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

// Example i has 3 + i % 10 tokens, all of them `first` + i % 10.
class CountingExamples : public ExampleSource {
 public:
  explicit CountingExamples(uint32_t first) : first_(first) {}
  TrainingExample Make(uint64_t index) const override {
    TrainingExample example;
    const auto kind = static_cast<uint32_t>(index % 10);
    example.Add(std::vector<uint32_t>(3 + kind, first_ + kind), TokenRole::kAnswer);
    return example;
  }

 private:
  uint32_t first_;
};

class TrainingStreamTest : public ::testing::Test {
 protected:
  TrainingStream Stream() const { return {copies_, examples_, options_}; }

  CountingExamples copies_{100};
  CountingExamples examples_{200};
  StreamOptions options_{.copy_tokens = 60,
                         .short_tokens = 60,
                         .short_rows = 6,
                         .batch_tokens = 20,
                         .longest_rows = 10,
                         .parts = 2};
};

TEST_F(TrainingStreamTest, RowsPredictTheNextToken) {
  TrainingExample example;
  example.Add({7, 8, 9}, TokenRole::kContext);
  example.Add({4}, TokenRole::kAnswer);
  MicroBatch batch;
  batch.Add(example);
  batch.Add(example);
  batch.Pad();
  EXPECT_EQ(batch.ids.size(), 16U);
  EXPECT_EQ(batch.tokens, 6);
  EXPECT_EQ((std::vector<int64_t>(batch.ids.begin(), batch.ids.begin() + 6)),
            (std::vector<int64_t>{7, 8, 9, 7, 8, 9}));
  EXPECT_EQ((std::vector<int64_t>(batch.targets.begin(), batch.targets.begin() + 6)),
            (std::vector<int64_t>{8, 9, 4, 8, 9, 4}));
  EXPECT_EQ(batch.roles[2], TokenRole::kAnswer);
  EXPECT_EQ(batch.roles[6], TokenRole::kIgnored);
  ASSERT_EQ(batch.spans.size(), 3U);
  EXPECT_EQ(batch.spans[1].begin, 3);
  EXPECT_EQ(batch.spans[2].length, 10);
}

TEST_F(TrainingStreamTest, EveryExampleThatFitsComesOnceAndInOrder) {
  options_.copy_tokens = 0;
  options_.short_tokens = 0;
  const TrainingStream stream = Stream();
  StreamPosition position;
  std::vector<int64_t> seen;
  for (int step = 0; step < 30; ++step) {
    const TrainingStep made = stream.Make(position);
    EXPECT_EQ(made.parts.size(), 2U);
    for (const MicroBatch& part : made.parts) {
      EXPECT_LE(part.tokens, 20);
      for (const RowSpan& span : part.spans) {
        if (part.ids[static_cast<size_t>(span.begin)] != 0) seen.push_back(span.length);
      }
    }
    position = made.after;
  }
  EXPECT_EQ(position.step, 30U);
  // Lengths 2 to 11 in turn; the last does not fit 10 rows.
  for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], 2 + static_cast<int64_t>(i % 9));
}

TEST_F(TrainingStreamTest, APhaseLastsItsTokens) {
  const TrainingStream stream = Stream();
  StreamPosition position;
  while (position.tokens < 200) {
    const TrainingStep step = stream.Make(position);
    const bool copying = position.tokens < 60;
    const bool brief = position.tokens < 120;
    for (const MicroBatch& part : step.parts) {
      for (const RowSpan& span : part.spans) {
        const int64_t id = part.ids[static_cast<size_t>(span.begin)];
        if (id == 0) continue;
        EXPECT_EQ(id < 200, copying);
        if (brief && !copying) {
          EXPECT_LE(span.length, 6);
        }
      }
    }
    position = step.after;
  }
}

TEST_F(TrainingStreamTest, AnyPositionLeadsToTheSameSteps) {
  const TrainingStream stream = Stream();
  const TrainingStep first = stream.Make({});
  const TrainingStep second = stream.Make(first.after);
  Prefetcher ahead(stream, first.after);
  const TrainingStep same = ahead.Next();
  EXPECT_EQ(same.before, first.after);
  EXPECT_EQ(same.after, second.after);
  EXPECT_EQ(same.parts[1].ids, second.parts[1].ids);
  EXPECT_EQ(ahead.Next().before, second.after);
}

TEST_F(TrainingStreamTest, SaysWhenNothingFits) {
  options_.copy_tokens = 0;
  options_.short_rows = 1;
  const TrainingStream stream = Stream();
  Prefetcher ahead(stream, {});
  try {
    ahead.Next();
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("at most 1 tokens"));
    EXPECT_THAT(error.what(), HasSubstr("--short-length"));
  }
}

}  // namespace
}  // namespace elm
