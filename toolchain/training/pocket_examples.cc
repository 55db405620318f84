#include "toolchain/training/pocket_examples.h"

#include "datasets/pocket/random.h"
#include "datasets/prompt.h"
#include "datasets/word_dropping.h"

namespace elm {
namespace {

// The share of words that a context keeps when it loses some.
constexpr double kLowestKeepRate = 0.3;
constexpr double kHighestKeepRate = 0.9;

// The random choices of one example, apart from the world's own.
pocket::Random RandomOf(uint64_t seed, uint64_t index) {
  pocket::Random of_seed(seed ^ 0x7072657472616971);
  return pocket::Random(of_seed.Next() ^ index);
}

double Uniform(pocket::Random& random, double lowest, double highest) {
  return lowest + (highest - lowest) * (static_cast<double>(random.Next() >> 11) * 0x1.0p-53);
}

// The same context, with words missing, in all tasks of a group.
void DropWords(std::vector<Task>& tasks, pocket::Random& random) {
  const double keep_rate = Uniform(random, kLowestKeepRate, kHighestKeepRate);
  const uint64_t seed = random.Next();
  for (Task& task : tasks) task.context = DropEachWord(task.context, keep_rate, seed);
}

}  // namespace

TrainingExample PocketExamples::FromTasks(const std::vector<Task>& tasks) const {
  TrainingExample example;
  example.Add(tokenizer_.bos_id(), TokenRole::kIgnored);
  example.Add(tokenizer_.Encode(ContextText(tasks.front())), TokenRole::kContext);
  for (const Task& task : tasks) {
    example.Add(tokenizer_.Encode(QuestionText(task)), TokenRole::kContext);
    example.Add(tokenizer_.Encode(AnswerText(task.answer) + "\n"), TokenRole::kAnswer);
    if (task.question.empty()) break;  // the answer goes on with the context, which now is longer
  }
  example.Add(tokenizer_.eos_id(), TokenRole::kContext);
  return example;
}

TrainingExample PocketExamples::FromDocument(uint64_t index) const {
  TrainingExample example;
  example.Add(tokenizer_.bos_id(), TokenRole::kIgnored);
  example.Add(tokenizer_.Encode(pocket::MakeDocument(options_.split, options_.seed, index)),
              TokenRole::kDocument);
  example.Add(tokenizer_.eos_id(), TokenRole::kDocument);
  return example;
}

pocket::TaskKey PocketExamples::KeyOf(uint32_t family, uint64_t index) const {
  return {.family = family, .split = options_.split, .seed = options_.seed, .index = index};
}

TrainingExample PocketExamples::MakeGroup(uint32_t family, uint64_t index) const {
  return FromTasks(pocket::MakeTaskGroup(KeyOf(family, index), options_.questions));
}

TrainingExample PocketExamples::Make(uint64_t index) const {
  pocket::Random random = RandomOf(options_.seed, index);
  if (random.Chance(options_.corpus_share)) return FromDocument(index);
  pocket::TaskKey key =
      KeyOf(static_cast<uint32_t>(random.Below(pocket::Families().size())), index);
  if (random.Chance(options_.small_share)) key.size = Uniform(random, 0, 1);
  std::vector<Task> tasks = pocket::MakeTaskGroup(key, options_.questions);
  if (random.Chance(options_.word_drop_share)) DropWords(tasks, random);
  return FromTasks(tasks);
}

}  // namespace elm
