#include "toolchain/eval/request_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<int64_t> Places(const RequestRow& row) {
  std::vector<int64_t> places;
  for (const auto& prediction : row.predictions) places.push_back(prediction.place);
  return places;
}

std::vector<uint32_t> Ids(const RequestRow& row) {
  std::vector<uint32_t> ids;
  for (const auto& prediction : row.predictions) ids.push_back(prediction.id);
  return ids;
}

TEST(RequestRowTest, ContinuationsBranchOffThePromptWithoutTheirLastTokens) {
  const RequestRow row =
      MakeRequestRow({.prompt = {1, 5, 6}, .continuations = {{7, 8, 9}, {4}, {3, 2}}});
  EXPECT_THAT(row.ids, ElementsAre(1, 5, 6, 7, 8, 3));
  EXPECT_THAT(row.parents, ElementsAre(0, 0, 1, 2, 3, 2));
  EXPECT_THAT(Ids(row), ElementsAre(7, 8, 9, 4, 3, 2));
  EXPECT_THAT(Places(row), ElementsAre(2, 3, 4, 2, 2, 5));
  EXPECT_THAT(row.greedy_places, IsEmpty());
}

TEST(RequestRowTest, GreedyTokensNeedTheLastTokensToo) {
  const RequestRow row =
      MakeRequestRow({.prompt = {1, 5}, .continuations = {{7, 8}, {}}, .greedy = true});
  EXPECT_THAT(row.ids, ElementsAre(1, 5, 7, 8));
  EXPECT_THAT(Places(row), ElementsAre(1, 2));
  EXPECT_THAT(row.greedy_places, ElementsAre(1, 2, 3, 1));
}

}  // namespace
}  // namespace elm
