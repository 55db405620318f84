#include "toolchain/pretrain/copy_examples.h"

#include <gtest/gtest.h>

namespace elm {
namespace {

TEST(CopyExamples, OnlyWhatCanBeKnownCounts) {
  const CopyExamples copies({.first_piece = 3, .size = 500, .bos = 1}, 9);
  size_t answers = 0;
  size_t tokens = 0;
  for (uint64_t index = 0; index < 50; ++index) {
    const TrainingExample example = copies.Make(index);
    EXPECT_EQ(example.ids, copies.Make(index).ids);
    EXPECT_EQ(example.ids.front(), 1);
    EXPECT_LE(example.ids.size(), 256U + 28);
    for (size_t i = 2; i < example.ids.size(); ++i) {
      EXPECT_GE(example.ids[i], 3);
      EXPECT_LT(example.ids[i], 500);
      if (example.roles[i] != TokenRole::kAnswer) continue;
      // The pair stood there before.
      bool before = false;
      for (size_t k = 1; k + 1 < i && !before; ++k) {
        before = example.ids[k] == example.ids[i - 1] && example.ids[k + 1] == example.ids[i];
      }
      EXPECT_TRUE(before) << index << ", " << i;
      ++answers;
    }
    tokens += example.ids.size();
  }
  EXPECT_GT(answers, tokens / 3);
  EXPECT_LT(answers, tokens * 2 / 3);
}

}  // namespace
}  // namespace elm
