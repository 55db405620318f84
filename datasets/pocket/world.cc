#include "datasets/pocket/world.h"

#include <algorithm>

#include "datasets/pocket/scene.h"
#include "datasets/prompt.h"
#include "formats/base/suggest.h"

namespace elm::pocket {
namespace {

constexpr Family kFamilies[] = {
    {"app", "choose the app for what a user says, among those on the phone", true, 6},
    {"function", "choose the function for a request among twenty with descriptions", true, 20},
    {"screen", "answer about a screen: what it shows, what to tap", true, 4},
    {"fact", "find a fact in notes and chats full of others", true, 4},
    {"reply", "pick the reply that fits one message of a chat", true, 4},
    {"continue", "finish the last sentence of a short story with one word", false, 0},
};
constexpr MakeScene kMakeScene[] = {MakeAppScene,  MakeFunctionScene, MakeScreenScene,
                                    MakeFactScene, MakeReplyScene,    MakeContinueScene};
static_assert(std::size(kFamilies) == std::size(kMakeScene));

// Mixes what makes a stream its own into one seed.
uint64_t SceneSeed(const TaskKey& key) {
  Random random(key.seed);
  for (const uint64_t part : {uint64_t{key.family}, static_cast<uint64_t>(key.split), key.index}) {
    random = Random(random.Next() ^ part);
  }
  return random.Next();
}

Task ToTask(const TaskKey& key, const Scene& scene, size_t question_index) {
  const Question& question = scene.questions[question_index];
  Task task;
  task.task = kFamilies[key.family].name;
  task.split = SplitName(key.split);
  task.id = StrCat(task.task, "-", task.split, "-", key.seed, "-", key.index);
  if (question_index > 0) task.id += StrCat("-", question_index);
  if (key.wording > 0) task.id += StrCat("-wording-", key.wording);
  task.instructions = scene.instructions;
  for (const Line& line : scene.lines) {
    task.context.push_back(line.Text());
    task.needed_words.push_back(line.WordsOf(question.facts));
  }
  task.question = question.text;
  task.options = question.options;
  task.answer = question.answer;
  task.difficulty = std::clamp(question.difficulty, 0.0, 1.0);
  for (const std::string& pair : scene.combinations) task.tags.push_back("pair=" + pair);
  return task;
}

}  // namespace

const char* SplitName(Split split) {
  switch (split) {
    case Split::kTrain:
      return "train";
    case Split::kValidation:
      return "validation";
    case Split::kTest:
      break;
  }
  return "test";
}

Result<Split> ParseSplit(std::string_view name) {
  for (const Split split : {Split::kTrain, Split::kValidation, Split::kTest}) {
    if (name == SplitName(split)) return split;
  }
  return InvalidArgument("\"", name, "\" is no split, expected train, validation or test");
}

std::span<const Family> Families() { return kFamilies; }

Result<const Family*> FindFamily(std::string_view name) {
  std::vector<std::string> names;
  for (const Family& family : kFamilies) {
    if (family.name == name) return &family;
    names.emplace_back(family.name);
  }
  return InvalidArgument("the pocket world has no task \"", name, "\"",
                         Suggestion(std::string(name), names),
                         "; there are app, function, screen, fact, reply, continue");
}

Task MakeTask(const TaskKey& key) { return MakeTaskGroup(key, 1).front(); }

std::vector<Task> MakeTaskGroup(const TaskKey& key, uint32_t questions) {
  Random random(SceneSeed(key));
  const Scene scene = kMakeScene[key.family](random, Allowed(key.split),
                                             {.questions = questions, .size = key.size, .wording = key.wording});
  std::vector<Task> tasks;
  for (size_t i = 0; i < scene.questions.size(); ++i) tasks.push_back(ToTask(key, scene, i));
  return tasks;
}

std::string MakeDocument(Split split, uint64_t seed, uint64_t index) {
  const uint32_t family = static_cast<uint32_t>(index % std::size(kFamilies));
  const std::vector<Task> tasks =
      MakeTaskGroup({family, split, seed, index / std::size(kFamilies)}, 3);
  std::string text = ContextText(tasks.front());
  for (const Task& task : tasks) text += QuestionText(task) + AnswerText(task.answer) + "\n";
  return text;
}

}  // namespace elm::pocket
