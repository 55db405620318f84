#include "toolchain/training/epoch_examples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "toolchain/base/error.h"

namespace elm {
namespace {

EpochExamples Numbers(size_t count) {
  std::vector<TrainingExample> examples(count);
  for (size_t i = 0; i < count; ++i) {
    examples[i].Add(static_cast<uint32_t>(i), TokenRole::kDocument);
  }
  return {std::move(examples), 7};
}

TEST(EpochExamples, EveryEpochHoldsEachExampleOnceInAnotherOrder) {
  for (const size_t count : {1U, 2U, 3U, 16U, 17U, 100U}) {
    const EpochExamples examples = Numbers(count);
    std::set<std::vector<int64_t>> orders;
    for (uint64_t epoch = 0; epoch < 4; ++epoch) {
      std::vector<int64_t> order;
      for (uint64_t i = 0; i < count; ++i) order.push_back(examples.Make(epoch * count + i).ids[0]);
      orders.insert(order);
      std::sort(order.begin(), order.end());
      for (size_t i = 0; i < count; ++i) EXPECT_EQ(order[i], static_cast<int64_t>(i)) << count;
    }
    if (count >= 16) {
      EXPECT_EQ(orders.size(), 4U) << count;
    }
  }
}

TEST(EpochExamples, NoExamplesAreRefused) { EXPECT_THROW(Numbers(0), Error); }

}  // namespace
}  // namespace elm
