#include "toolchain/tlm/label_cube.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "datasets/prompt.h"
#include "formats/base/hash.h"
#include "formats/workspace/hdf5_file.h"
#include "toolchain/base/error.h"
#include "toolchain/eval/statistics.h"
#include "toolchain/eval/task_request.h"

namespace elm {
namespace {

constexpr const char* kKind = "label-cube";
constexpr uint64_t kVersion = 1;

// The share of the right option by mean log-probabilities.
double AnswerShare(const Task& task, const TaskOutcome& outcome) {
  if (!task.multiple_choice()) return std::exp(-outcome.answer_nll);
  const auto& scores = outcome.option_scores;
  const double highest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (const double score : scores) sum += std::exp(score - highest);
  return std::exp(scores[AnswerIndex(task)] - highest) / sum;
}

Status CheckShape(const std::string& path, const LabelCube& cube) {
  const size_t items = cube.items.size();
  const size_t prompts = cube.prompt_levels_permille.size();
  const size_t pairs = cube.pairs();
  const auto check = [&](const char* name, size_t size, size_t expected) {
    return size == expected ? Status::Ok()
                            : Corruption(path, ": ", name, " has ", size, " values, ", items,
                                         " questions need ", expected);
  };
  ELM_RETURN_IF_ERROR(check("right", cube.right.size(), items * pairs));
  ELM_RETURN_IF_ERROR(check("share", cube.share.size(), items * pairs));
  ELM_RETURN_IF_ERROR(check("full_tokens", cube.full_tokens.size(), items));
  ELM_RETURN_IF_ERROR(check("kept_tokens", cube.kept_tokens.size(), items * prompts));
  ELM_RETURN_IF_ERROR(check("tlm_tokens", cube.tlm_tokens.size(), items));
  for (const uint16_t value : cube.right) {
    if (value > 1) return Corruption(path, ": right holds ", value, ", expected 0 or 1");
  }
  for (const float value : cube.share) {
    if (!(value >= 0 && value <= 1)) {
      return Corruption(path, ": share holds ", value, ", expected 0 to 1");
    }
  }
  return Status::Ok();
}

template <typename T>
void AppendTo(std::vector<T>& values, const std::vector<T>& more) {
  values.insert(values.end(), more.begin(), more.end());
}

}  // namespace

LabelCube LabelCube::Item(size_t item) const {
  const auto cut = [item](const auto& values, size_t width) {
    const auto begin = values.begin() + static_cast<ptrdiff_t>(item * width);
    return std::decay_t<decltype(values)>(begin, begin + static_cast<ptrdiff_t>(width));
  };
  LabelCube one = {key, prompt_levels_permille, model_levels_permille, {}, {}, {}, {}, {}, {}};
  one.items = cut(items, 1);
  one.right = cut(right, pairs());
  one.share = cut(share, pairs());
  one.full_tokens = cut(full_tokens, 1);
  one.kept_tokens = cut(kept_tokens, prompt_levels_permille.size());
  one.tlm_tokens = cut(tlm_tokens, 1);
  return one;
}

void LabelCube::Append(const LabelCube& more) {
  if (more.key != key || more.prompt_levels_permille != prompt_levels_permille ||
      more.model_levels_permille != model_levels_permille) {
    throw Error(InvalidArgument(
        "label cubes of another model, tiny LM or set of levels cannot be put together"));
  }
  AppendTo(items, more.items);
  AppendTo(right, more.right);
  AppendTo(share, more.share);
  AppendTo(full_tokens, more.full_tokens);
  AppendTo(kept_tokens, more.kept_tokens);
  AppendTo(tlm_tokens, more.tlm_tokens);
}

uint64_t HashTask(const Task& task) {
  std::string text = task.id + '\0' + PromptText(task);
  for (const std::string& option : task.options) text += '\0' + option;
  text += '\0' + task.answer;
  return Hash64(std::as_bytes(std::span(text)));
}

Status SaveLabelCube(const std::string& path, const LabelCube& cube) {
  ELM_RETURN_IF_ERROR(CheckShape(path, cube));
  const uint64_t items = cube.items.size();
  const uint64_t prompts = cube.prompt_levels_permille.size();
  const uint64_t models = cube.model_levels_permille.size();
  ELM_ASSIGN_OR_RETURN(Hdf5Writer file, Hdf5Writer::Create(path, kKind, kVersion));
  ELM_RETURN_IF_ERROR(file.WriteString("key", cube.key));
  ELM_RETURN_IF_ERROR(file.WriteDataset("prompt_levels", cube.prompt_levels_permille, {prompts}));
  ELM_RETURN_IF_ERROR(file.WriteDataset("model_levels", cube.model_levels_permille, {models}));
  ELM_RETURN_IF_ERROR(file.WriteDataset("items", cube.items, {items}));
  ELM_RETURN_IF_ERROR(file.WriteDataset("right", cube.right, {items, prompts, models}));
  ELM_RETURN_IF_ERROR(file.WriteDataset("share", cube.share, {items, prompts, models}));
  ELM_RETURN_IF_ERROR(file.WriteDataset("full_tokens", cube.full_tokens, {items}));
  ELM_RETURN_IF_ERROR(file.WriteDataset("kept_tokens", cube.kept_tokens, {items, prompts}));
  ELM_RETURN_IF_ERROR(file.WriteDataset("tlm_tokens", cube.tlm_tokens, {items}));
  return file.Commit();
}

Result<LabelCube> LoadLabelCube(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const Hdf5Reader file, Hdf5Reader::Open(path, kKind, kVersion));
  LabelCube cube;
  ELM_ASSIGN_OR_RETURN(cube.key, file.ReadString("key"));
  ELM_ASSIGN_OR_RETURN(const Hdf5Shape shape, file.ReadShape("right", 3));
  const uint64_t items = shape[0];
  const uint64_t prompts = shape[1];
  ELM_ASSIGN_OR_RETURN(cube.prompt_levels_permille,
                       file.ReadDataset<uint32_t>("prompt_levels", {prompts}));
  ELM_ASSIGN_OR_RETURN(cube.model_levels_permille,
                       file.ReadDataset<uint32_t>("model_levels", {shape[2]}));
  ELM_ASSIGN_OR_RETURN(cube.items, file.ReadDataset<uint64_t>("items", {items}));
  ELM_ASSIGN_OR_RETURN(cube.right, file.ReadDataset<uint16_t>("right", shape));
  ELM_ASSIGN_OR_RETURN(cube.share, file.ReadDataset<float>("share", shape));
  ELM_ASSIGN_OR_RETURN(cube.full_tokens, file.ReadDataset<uint32_t>("full_tokens", {items}));
  ELM_ASSIGN_OR_RETURN(cube.kept_tokens,
                       file.ReadDataset<uint32_t>("kept_tokens", {items, prompts}));
  ELM_ASSIGN_OR_RETURN(cube.tlm_tokens, file.ReadDataset<uint32_t>("tlm_tokens", {items}));
  ELM_RETURN_IF_ERROR(CheckShape(path, cube));
  return cube;
}

AccuracyGrid GridOf(const LabelCube& cube) {
  AccuracyGrid grid;
  grid.prompt_levels_permille = cube.prompt_levels_permille;
  grid.model_levels_permille = cube.model_levels_permille;
  grid.items = static_cast<uint32_t>(cube.items.size());
  for (size_t pair = 0; pair < cube.pairs(); ++pair) {
    std::vector<double> values;
    for (size_t item = 0; item < cube.items.size(); ++item) {
      values.push_back(cube.IsRight(item, pair) ? 1 : 0);
    }
    const Estimate mean = MeanOf(values);
    grid.accuracy.push_back(mean.value);
    grid.standard_error.push_back(std::isfinite(mean.standard_error) ? mean.standard_error : 0);
  }
  return grid;
}

void LabelTasks(Labeller& labeller, std::span<const Task> tasks, LabelCube& cube) {
  const size_t prompts = cube.prompt_levels_permille.size();
  const size_t models = cube.model_levels_permille.size();
  TORCH_CHECK(labeller.levels.size() == models, "a row of the level table for each model level");
  const ReaderTokenCounter counter(labeller.reader);
  const WordScoring scoring = labeller.score_words(tasks);

  TaskSet set;                 // every different prompt once
  std::vector<size_t> places;  // [tasks, P] of each in the set
  for (size_t i = 0; i < tasks.size(); ++i) {
    ShortenedTask shortened = ShortenTask(labeller.prompt, tasks[i], scoring.words[i],
                                          cube.prompt_levels_permille, counter);
    for (size_t p = 0; p < prompts; ++p) {
      if (shortened.prompts[p] != p) {
        places.push_back(places[i * prompts + shortened.prompts[p]]);
        continue;
      }
      places.push_back(set.tasks.size());
      set.requests.push_back(
          MakeScoringRequest(shortened.tasks[p], labeller.reader.encode, labeller.reader.bos));
      set.tasks.push_back(std::move(shortened.tasks[p]));
    }
    cube.items.push_back(HashTask(tasks[i]));
    cube.full_tokens.push_back(shortened.full_tokens);
    AppendTo(cube.kept_tokens, shortened.tokens);
    cube.tlm_tokens.push_back(scoring.tokens[i]);
  }

  const size_t first = cube.right.size();
  cube.right.resize(first + tasks.size() * cube.pairs());
  cube.share.resize(first + tasks.size() * cube.pairs());
  for (size_t m = 0; m < models; ++m) {
    const std::vector<TaskOutcome> outcomes =
        ScoreTasks(labeller.engine, labeller.levels[m], set, labeller.rules);
    for (size_t i = 0; i < places.size(); ++i) {
      const TaskOutcome& outcome = outcomes[places[i]];
      cube.right[first + i * models + m] = outcome.correct ? 1 : 0;
      cube.share[first + i * models + m] =
          static_cast<float>(AnswerShare(set.tasks[places[i]], outcome));
    }
  }
}

}  // namespace elm
