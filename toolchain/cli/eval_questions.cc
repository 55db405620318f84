#include "toolchain/cli/eval_questions.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "datasets/load_tasks.h"
#include "toolchain/base/error.h"
#include "toolchain/eval/hash_text.h"

namespace elm {
namespace {

EncodeText Encoder(const AskedModel& model) {
  const Tokenizer& tokenizer = model.tokenizer;
  return [&tokenizer](std::string_view text) { return tokenizer.Encode(text); };
}

std::optional<uint32_t> Bos(const AskedModel& model) {
  const GenerationConfig& generation = model.generation;
  const bool wanted = generation.add_bos && generation.bos_id != layout::kNoToken;
  return wanted ? std::optional(generation.bos_id) : std::nullopt;
}

void CheckWindows(const QuestionOptions& options, uint32_t context) {
  if (options.window_tokens < 2 || options.window_tokens > context) {
    throw Error(InvalidArgument("--window-tokens is ", options.window_tokens,
                                ", expected 2 to the model's context of ", context, " tokens"));
  }
  if (options.windows == 0) throw Error(InvalidArgument("--windows is 0, expected at least 1"));
}

}  // namespace

TaskSet LoadTaskSet(const QuestionOptions& options, const TaskSpecs& specs,
                    const AskedModel& model) {
  LoadTasksOptions load;
  load.split = ValueOrThrow(pocket::ParseSplit(options.split));
  load.seed = options.seed;
  load.count = options.count;
  std::vector<std::string> notes;
  load.notes = &notes;
  std::vector<std::pair<std::string, std::vector<Task>>> sources;
  for (const std::string& spec : specs.tasks) {
    sources.emplace_back(SpecName(spec), ValueOrThrow(LoadTasks(spec, load)));
  }
  for (const std::string& note : notes) spdlog::info("{}", note);

  TaskSetOptions set;
  set.encode = Encoder(model);
  set.bos = Bos(model);
  set.context = model.context;
  set.limit = options.limit;
  set.skip_long = options.skip_long;
  set.threads = options.threads;
  set.change = [drop = options.drop](const Task& task) { return DropContextWords(task, drop); };
  return MakeTaskSet(sources, set);
}

std::vector<TextSet> LoadTexts(const QuestionOptions& options, const TaskSpecs& specs,
                               const AskedModel& model) {
  if (specs.texts.empty()) return {};
  CheckWindows(options, model.context);
  WindowOptions cut;
  cut.length = options.window_tokens;
  cut.max_windows = options.windows;
  cut.add_bos = Bos(model).has_value();
  cut.bos_id = Bos(model).value_or(0);
  std::vector<TextSet> texts;
  for (const std::string& path : specs.texts) {
    texts.push_back({SpecName(path), ValueOrThrow(ReadTextWindows(path, Encoder(model), cut)),
                     HashFiles({path})});
  }
  return texts;
}

AnswerRules RulesOf(const AskedModel& model) {
  const Tokenizer& tokenizer = model.tokenizer;
  return {.decoder = {.piece = [&tokenizer](uint32_t id) { return tokenizer.Piece(id); },
                      .stop_ids = model.generation.stop_ids},
          .context = model.context};
}

}  // namespace elm
