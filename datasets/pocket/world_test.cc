// What the pocket world promises, held against many of its tasks.
#include "datasets/pocket/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "datasets/documents.h"
#include "datasets/prompt.h"
#include "datasets/task_file.h"
#include "formats/base/hash.h"
#include "formats/base/utf8.h"

namespace elm::pocket {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr uint64_t kManyTasks = 2000;
constexpr Split kSplits[] = {Split::kTrain, Split::kValidation, Split::kTest};
constexpr std::string_view kPairTag = "pair=";

// Of the first 50 tasks of each family and of 12 documents. It changes when, and only when, the
// world does: then models that were trained on it and numbers that were measured on it are of
// another world.
constexpr uint64_t kGoldenHash = 6869576102627628166U;

TEST(WorldTest, FamiliesAreWellFormedAndFoundByName) {
  std::set<std::string_view> names;
  for (const Family& family : Families()) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_FALSE(family.description.empty()) << family.name;
    EXPECT_EQ(family.multiple_choice, family.options >= 2) << family.name;
    EXPECT_EQ(FindFamily(family.name).value(), &family);
  }
  EXPECT_GE(names.size(), 5U);
  EXPECT_THAT(FindFamily("ap").status().message(), HasSubstr("did you mean app?"));
  for (const std::string_view name : names) {
    EXPECT_THAT(FindFamily("quite another").status().message(), HasSubstr(std::string(name)));
  }
}

TEST(WorldTest, SplitsAreFoundByName) {
  for (const Split split : kSplits) EXPECT_EQ(ParseSplit(SplitName(split)).value(), split);
  EXPECT_EQ(ParseSplit("tset").status().code(), StatusCode::kInvalidArgument);
}

std::set<std::string> Pairs(const Task& task) {
  std::set<std::string> pairs;
  for (const std::string& tag : task.tags) {
    if (tag.starts_with(kPairTag)) pairs.insert(tag.substr(kPairTag.size()));
  }
  return pairs;
}

std::vector<std::string> NeededWords(const Task& task) {
  std::vector<std::string> needed;
  for (size_t part = 0; part < task.needed_words.size(); ++part) {
    const std::vector<std::string_view> words = SplitWords(task.context[part]);
    for (const uint32_t word : task.needed_words[part]) needed.emplace_back(words[word]);
  }
  return needed;
}

// How often `picks` (whether each option is picked; one of those picked is taken by lot) is right.
template <typename Picks>
double ShareGuessed(const std::vector<Task>& tasks, const Picks& picks) {
  double right = 0;
  for (const Task& task : tasks) {
    const std::vector<bool> picked = picks(task);
    const auto count = static_cast<double>(std::count(picked.begin(), picked.end(), true));
    if (count > 0 && picked[AnswerIndex(task)]) right += 1 / count;
    if (count == 0) right += 1 / static_cast<double>(task.options.size());
  }
  return right / static_cast<double>(tasks.size());
}

// The options whose `value` is largest.
template <typename Value>
std::vector<bool> Largest(const Task& task, const Value& value) {
  std::vector<double> values;
  for (const std::string& option : task.options) values.push_back(value(option));
  const double largest = *std::max_element(values.begin(), values.end());
  std::vector<bool> picked;
  for (const double one : values) picked.push_back(one == largest);
  return picked;
}

class WorldFamilyTest : public ::testing::TestWithParam<uint32_t> {
 protected:
  static const Family& family() { return Families()[GetParam()]; }
  static TaskKey Key(Split split, uint64_t index, uint64_t seed = 1) {
    return {GetParam(), split, seed, index};
  }
  static std::vector<Task> Many(Split split, uint64_t count = kManyTasks, uint64_t seed = 1) {
    std::vector<Task> tasks;
    for (uint64_t index = 0; index < count; ++index)
      tasks.push_back(MakeTask(Key(split, index, seed)));
    return tasks;
  }
};

std::string NameOfFamily(const ::testing::TestParamInfo<uint32_t>& info) {
  return std::string(Families()[info.param].name);
}

INSTANTIATE_TEST_SUITE_P(All, WorldFamilyTest,
                         ::testing::Range(0U, static_cast<uint32_t>(Families().size())),
                         NameOfFamily);

class WorldChoiceTest : public WorldFamilyTest {
 protected:
  // Chance, and five standard deviations of what chance gets in `count` tasks.
  static double MostByChance(size_t count) {
    const double chance = 1.0 / family().options;
    return chance + 5 * std::sqrt(chance * (1 - chance) / static_cast<double>(count));
  }
};

std::vector<uint32_t> MultipleChoiceFamilies() {
  std::vector<uint32_t> families;
  for (uint32_t family = 0; family < Families().size(); ++family) {
    if (Families()[family].multiple_choice) families.push_back(family);
  }
  return families;
}

INSTANTIATE_TEST_SUITE_P(All, WorldChoiceTest, ::testing::ValuesIn(MultipleChoiceFamilies()),
                         NameOfFamily);

TEST_P(WorldFamilyTest, TasksAreValidAndSayWhatTheyAre) {
  std::set<std::string> ids;
  for (const Split split : kSplits) {
    for (const Task& task : Many(split, 700)) {
      ASSERT_TRUE(Validate(task).ok()) << task.id << ": " << Validate(task).ToString();
      ASSERT_EQ(task.task, family().name);
      ASSERT_EQ(task.split, SplitName(split));
      ASSERT_EQ(task.options.size(), family().options) << task.id;
      ASSERT_TRUE(ids.insert(task.id).second) << task.id;
    }
  }
}

TEST_P(WorldFamilyTest, ATaskIsAFunctionOfItsKey) {
  std::vector<Task> forward = Many(Split::kValidation, 50);
  for (uint64_t index = 50; index-- > 0;) {
    EXPECT_EQ(MakeTask(Key(Split::kValidation, index)), forward[index]);
  }
  EXPECT_TRUE(Validate(MakeTask(Key(Split::kTrain, UINT64_MAX, UINT64_MAX))).ok());
}

TEST_P(WorldFamilyTest, PromptsAreDistinct) {
  std::map<std::string, std::string> ids;  // by prompt
  for (const Split split : kSplits) {
    for (const uint64_t seed : {1, 2}) {
      for (const Task& task : Many(split, kManyTasks / 2, seed)) {
        const auto [first, is_new] = ids.try_emplace(PromptText(task), task.id);
        EXPECT_TRUE(is_new) << task.id << " asks what " << first->second << " asks";
      }
    }
  }
}

TEST_P(WorldFamilyTest, NoCombinationOfEntitiesOccursInTwoSplits) {
  std::map<std::string, Split> owners;
  for (const Split split : kSplits) {
    size_t pairs = 0;
    for (const Task& task : Many(split)) {
      for (const std::string& pair : Pairs(task)) {
        ++pairs;
        EXPECT_THAT(pair, HasSubstr("|"));
        const Split owner = owners.try_emplace(pair, split).first->second;
        EXPECT_EQ(owner, split) << pair << " of " << task.id << " is also in " << SplitName(owner);
      }
      EXPECT_FALSE(Pairs(task).empty()) << task.id;
    }
    EXPECT_GT(pairs, 0U);
  }
}

TEST_P(WorldFamilyTest, GroupsShareTheirContextAndBeginWithTheTask) {
  bool any_longer = false;
  for (uint64_t index = 0; index < 100; ++index) {
    const TaskKey key = Key(Split::kTrain, index);
    const Task single = MakeTask(key);
    const std::vector<Task> group = MakeTaskGroup(key, 4);
    ASSERT_FALSE(group.empty());
    ASSERT_LE(group.size(), 4U);
    EXPECT_EQ(group.front(), single);
    EXPECT_EQ(MakeTaskGroup(key, 1), std::vector<Task>{single});
    std::set<std::string> ids;
    std::set<std::string> questions;
    for (const Task& task : group) {
      EXPECT_TRUE(Validate(task).ok()) << Validate(task).ToString();
      EXPECT_EQ(ContextText(task), ContextText(single));
      EXPECT_TRUE(ids.insert(task.id).second) << task.id;
      EXPECT_TRUE(questions.insert(task.question + "\n" + task.answer).second) << task.id;
    }
    any_longer = any_longer || group.size() > 1;
  }
  EXPECT_TRUE(any_longer);
}

TEST_P(WorldFamilyTest, AnotherWordingAsksTheSameOfTheSameContext) {
  size_t reworded = 0;
  for (uint64_t index = 0; index < 50; ++index) {
    const Task usual = MakeTask(Key(Split::kTrain, index));
    TaskKey key = Key(Split::kTrain, index);
    key.wording = 1;
    const Task other = MakeTask(key);
    EXPECT_TRUE(Validate(other).ok());
    EXPECT_NE(other.id, usual.id);
    EXPECT_EQ(other.context, usual.context);
    EXPECT_EQ(other.needed_words, usual.needed_words);
    if (usual.task != "reply") {
      EXPECT_EQ(other.answer, usual.answer);
    }
    reworded += other.question != usual.question ? 1 : 0;
  }
  EXPECT_GE(reworded, 20U);
}

TEST_P(WorldFamilyTest, WhatTheAnswerDependsOnIsMarked) {
  for (const Split split : kSplits) {
    for (const Task& task : Many(split, 500)) {
      const std::vector<std::string> needed = NeededWords(task);
      ASSERT_FALSE(needed.empty()) << task.id << "\n" << PromptText(task);
      const size_t words = SplitWords(ContextText(task)).size();
      EXPECT_LT(needed.size(), words) << task.id;
      if (task.multiple_choice()) continue;
      const bool holds_answer = std::any_of(
          needed.begin(), needed.end(),
          [&task](const std::string& word) { return word.find(task.answer) != std::string::npos; });
      EXPECT_TRUE(holds_answer) << task.id << ": " << task.answer << "\n" << PromptText(task);
    }
  }
}

TEST_P(WorldFamilyTest, TextsAreTidy) {
  for (const Task& task : Many(Split::kTrain)) {
    std::vector<std::string> texts = {task.instructions, task.question, task.answer};
    texts.insert(texts.end(), task.context.begin(), task.context.end());
    texts.insert(texts.end(), task.options.begin(), task.options.end());
    for (const std::string& text : texts) {
      ASSERT_FALSE(FindInvalidUtf8(text).has_value()) << task.id;
      ASSERT_EQ(text.find_first_of("\n\t\r{}"), std::string::npos) << task.id << ": " << text;
      ASSERT_EQ(text.find("  "), std::string::npos) << task.id << ": " << text;
      ASSERT_FALSE(text.starts_with(' ') || text.ends_with(' ')) << task.id << ": " << text;
    }
  }
}

TEST_P(WorldFamilyTest, DifficultiesSpreadOverTheirRange) {
  std::set<double> difficulties;
  for (const Task& task : Many(Split::kTrain)) {
    ASSERT_TRUE(task.difficulty >= 0 && task.difficulty <= 1) << task.id;
    difficulties.insert(task.difficulty);
  }
  EXPECT_GE(difficulties.size(), 1U);
}

TEST_P(WorldChoiceTest, TheAnswersPlaceIsUniform) {
  std::vector<size_t> places(family().options);
  for (const Task& task : Many(Split::kTrain)) ++places[AnswerIndex(task)];
  const double expected = static_cast<double>(kManyTasks) / family().options;
  for (const size_t count : places) {
    EXPECT_NEAR(static_cast<double>(count), expected, 5 * std::sqrt(expected))
        << ::testing::PrintToString(places);
  }
}

TEST_P(WorldChoiceTest, TheAnswerCannotBeGuessedByItsLength) {
  const std::vector<Task> tasks = Many(Split::kTrain);
  const auto length = [](const std::string& option) { return static_cast<double>(option.size()); };
  const auto words = [](const std::string& option) {
    return static_cast<double>(SplitWords(option).size());
  };
  // A little above chance is let pass: lengths of people's words differ.
  const double most = MostByChance(tasks.size()) + 0.03;
  EXPECT_LT(ShareGuessed(tasks, [&](const Task& t) { return Largest(t, length); }), most);
  EXPECT_LT(ShareGuessed(tasks, [&](const Task& t) { return Largest(t, words); }), most);
  EXPECT_LT(ShareGuessed(tasks,
                         [&](const Task& t) {
                           return Largest(
                               t, [&](const std::string& option) { return -length(option); });
                         }),
            most);
  EXPECT_LT(ShareGuessed(tasks,
                         [&](const Task& t) {
                           return Largest(
                               t, [&](const std::string& option) { return -words(option); });
                         }),
            most);
}

// Learns from one half how often each text is right when it is offered, and tries that on the
// other.
TEST_P(WorldChoiceTest, TheAnswerCannotBeGuessedFromTheOptionsAlone) {
  std::map<std::string, std::pair<double, double>> seen;  // right, offered
  for (const Task& task : Many(Split::kTrain, kManyTasks, 1)) {
    for (const std::string& option : task.options) ++seen[option].second;
    ++seen[task.answer].first;
  }
  const double chance = 1.0 / family().options;
  const auto share_right = [&](const std::string& option) {
    const auto found = seen.find(option);
    constexpr double kDoubt = 4;  // as if it had been offered so often before, right by chance
    const auto [right, offered] = found == seen.end() ? std::pair(0.0, 0.0) : found->second;
    return (right + kDoubt * chance) / (offered + kDoubt);
  };
  const std::vector<Task> tasks = Many(Split::kTrain, kManyTasks, 2);
  const double share = ShareGuessed(tasks, [&](const Task& t) { return Largest(t, share_right); });
  EXPECT_LT(share, MostByChance(tasks.size()) + 0.1);
}

// Otherwise looking for the options in the context would do, without reading the question. Wrong
// options that stand nowhere make a task easier, so some are let pass.
TEST_P(WorldChoiceTest, TheAnswerIsNotTheOnlyOptionInTheContext) {
  const std::vector<Task> tasks = Many(Split::kTrain);
  const double share = ShareGuessed(tasks, [](const Task& task) {
    const std::string context = ContextText(task);
    return Largest(task, [&](const std::string& option) {
      return context.find(option) == std::string::npos ? 0.0 : 1.0;
    });
  });
  EXPECT_LT(share, 1.0 / family().options + 0.25);
}

TEST(WorldTest, DocumentsAreTasksWithTheirAnswers) {
  std::set<std::string> texts;
  const auto families = static_cast<uint32_t>(Families().size());
  for (uint64_t index = 0; index < 20 * families; ++index) {
    const std::string text = MakeDocument(Split::kTrain, 3, index);
    EXPECT_EQ(MakeDocument(Split::kTrain, 3, index), text);
    EXPECT_TRUE(text.ends_with('\n'));
    EXPECT_THAT(text, Not(HasSubstr(std::string(kDocumentSeparator))));
    EXPECT_THAT(SplitDocuments(text), Not(IsEmpty()));
    EXPECT_TRUE(texts.insert(text).second) << text;
    const Task first =
        MakeTask({static_cast<uint32_t>(index % families), Split::kTrain, 3, index / families});
    EXPECT_THAT(text, StartsWith(PromptText(first) + AnswerText(first.answer) + "\n"));
  }
}

uint64_t Mix(uint64_t hash, const std::string& text) {
  const std::string next = StrCat(hash, "\n", text);
  return Hash64(std::as_bytes(std::span(next)));
}

TEST(WorldTest, TheWorldIsTheOneThatWasMeasured) {
  uint64_t hash = 0;
  for (uint32_t family = 0; family < Families().size(); ++family) {
    for (uint64_t index = 0; index < 50; ++index) {
      const Split split = kSplits[index % std::size(kSplits)];
      hash = Mix(hash, TaskLine(MakeTask({family, split, 1, index})).value());
    }
  }
  for (uint64_t index = 0; index < 12; ++index)
    hash = Mix(hash, MakeDocument(Split::kTrain, 1, index));
  EXPECT_EQ(hash, kGoldenHash) << "the pocket world is another one now; if that is meant, set "
                                  "kGoldenHash to the value above";
}

}  // namespace
}  // namespace elm::pocket
