#include "formats/model/accuracy_grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace elm {
namespace {

using ::testing::HasSubstr;

AccuracyGrid Valid() {
  return {.prompt_levels_permille = {500, 1000},
          .model_levels_permille = {200, 600, 1000},
          .items = 40,
          .accuracy = {0, 0.25, 0.5, 0.75, 0.8, 1},
          .standard_error = {0, 0.07, 0.08, 0.07, 0.06, 0}};
}

TEST(AccuracyGridTest, RowsAreThePromptLevels) {
  const AccuracyGrid grid = Valid();
  EXPECT_TRUE(Validate(grid).ok());
  EXPECT_EQ(grid.accuracy[grid.Index(1, 0)], 0.75);
}

TEST(AccuracyGridTest, BrokenRulesAreNamed) {
  struct Rule {
    const char* message;
    std::function<void(AccuracyGrid&)> break_it;
  };
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const Rule rules[] = {
      {"prompt_levels_permille holds 500 behind 500",
       [](AccuracyGrid& g) { g.prompt_levels_permille[1] = 500; }},
      {"model_levels_permille has 0 entries, expected 1 to 64",
       [](AccuracyGrid& g) { g.model_levels_permille.clear(); }},
      {"items is 0", [](AccuracyGrid& g) { g.items = 0; }},
      {"accuracy has 5 cells", [](AccuracyGrid& g) { g.accuracy.pop_back(); }},
      {"standard_error 5, expected 6", [](AccuracyGrid& g) { g.standard_error.pop_back(); }},
      {"accuracy[2] is 1.5, expected 0 to 1", [](AccuracyGrid& g) { g.accuracy[2] = 1.5; }},
      {"accuracy[0] is nan", [](AccuracyGrid& g) { g.accuracy[0] = kNan; }},
      {"standard_error[1] is -1", [](AccuracyGrid& g) { g.standard_error[1] = -1; }},
      {"standard_error[1] is nan", [](AccuracyGrid& g) { g.standard_error[1] = kNan; }},
  };
  for (const Rule& rule : rules) {
    AccuracyGrid grid = Valid();
    rule.break_it(grid);
    EXPECT_THAT(Validate(grid).message(), HasSubstr(rule.message));
  }
}

}  // namespace
}  // namespace elm
