// elmc dataset show: one task, as a model reads it.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/load_tasks.h"
#include "datasets/pocket/world.h"
#include "datasets/prompt.h"
#include "datasets/task_file.h"
#include "toolchain/base/error.h"
#include "toolchain/cli/dataset_commands.h"

namespace elm {
namespace {

struct ShowFlags {
  std::string task;
  std::string split = "train";
  uint64_t seed = 1;
  uint64_t index = 0;
  bool json = false;
  bool prompt = false;
};

// The family that is named with or without "pocket:"; nothing where a file is meant.
std::optional<uint32_t> NamedFamily(const std::string& name) {
  constexpr std::string_view kPocket = "pocket:";
  if (name == "pocket") {
    throw Error(InvalidArgument("show takes one family of the pocket world, such as pocket:app"));
  }
  if (!name.starts_with(kPocket) && !pocket::FindFamily(name).ok()) return std::nullopt;
  const std::string family = name.starts_with(kPocket) ? name.substr(kPocket.size()) : name;
  return static_cast<uint32_t>(ValueOrThrow(pocket::FindFamily(family)) -
                               pocket::Families().data());
}

Task FindTask(const ShowFlags& flags) {
  const pocket::Split split = ValueOrThrow(pocket::ParseSplit(flags.split));
  if (const std::optional<uint32_t> family = NamedFamily(flags.task)) {
    return pocket::MakeTask({*family, split, flags.seed, flags.index});
  }
  std::vector<std::string> notes;
  const std::vector<Task> tasks =
      ValueOrThrow(LoadTasks(flags.task, {.count = 0, .notes = &notes}));
  for (const std::string& note : notes) spdlog::warn("{}", note);
  if (flags.index < tasks.size()) return tasks[flags.index];
  throw Error(InvalidArgument("--index is ", flags.index, ", but ", flags.task, " holds ",
                              tasks.size(), " tasks, counted from 0"));
}

// What is put around a word that the answer depends on.
struct Marks {
  const char* begin;
  const char* end;
};
constexpr Marks kBold = {"\x1b[1;7m", "\x1b[0m"};
constexpr Marks kBrackets = {"[[", "]]"};

// The text with `words` marked; everything between them stays as it is.
std::string MarkWords(const std::string& text, const std::vector<uint32_t>& words,
                      const Marks& marks) {
  const std::vector<std::string_view> all = SplitWords(text);
  std::string marked;
  size_t done = 0;  // bytes of `text`
  for (const uint32_t word : words) {
    const auto begin = static_cast<size_t>(all[word].data() - text.data());
    marked += text.substr(done, begin - done);
    marked += StrCat(marks.begin, all[word], marks.end);
    done = begin + all[word].size();
  }
  return marked + text.substr(done);
}

Task WithMarks(Task task, const Marks& marks) {
  for (size_t part = 0; part < task.needed_words.size(); ++part) {
    task.context[part] = MarkWords(task.context[part], task.needed_words[part], marks);
  }
  return task;
}

void PrintOptions(const Task& task) {
  if (!task.multiple_choice()) {
    std::printf("answer, matched exactly: %s\n", task.answer.c_str());
    return;
  }
  std::printf("options, * is the answer:\n");
  for (const std::string& option : task.options) {
    std::printf("%s %s\n", option == task.answer ? " *" : "  ", option.c_str());
  }
}

// Where colours cannot show them, the parts that matter are printed again.
void PrintNeededParts(const Task& task) {
  const Task marked = WithMarks(task, kBrackets);
  bool any = false;
  for (size_t part = 0; part < task.needed_words.size(); ++part) {
    if (task.needed_words[part].empty()) continue;
    if (!any) std::printf("needed words:\n");
    any = true;
    std::printf("   %s\n", marked.context[part].c_str());
  }
}

void PrintTask(const Task& task) {
  const bool in_colour = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  std::printf("%s\n", PromptText(in_colour ? WithMarks(task, kBold) : task).c_str());
  std::printf("\n--- %s\n", task.id.c_str());
  PrintOptions(task);
  if (!in_colour) PrintNeededParts(task);
  if (task.difficulty > 0) std::printf("difficulty: %.2f of 1\n", task.difficulty);
  if (task.slo) {
    std::printf("demand: first token in %g, each further one in %g of the full model's time\n",
                task.slo->ttft, task.slo->tpot);
  }
  for (const std::string& tag : task.tags) {
    // What the pocket world notes to keep its splits apart; --json has it.
    if (!tag.starts_with("pair=")) std::printf("tag: %s\n", tag.c_str());
  }
}

void Show(const ShowFlags& flags) {
  const Task task = FindTask(flags);
  if (flags.prompt) {
    std::printf("%s\n", PromptText(task).c_str());
    return;
  }
  if (!flags.json) return PrintTask(task);
  std::printf("%s\n", ValueOrThrow(TaskLine(task)).c_str());
}

}  // namespace

void AddDatasetShow(CLI::App& command) {
  CLI::App* show = command.add_subcommand("show", "One task, as a model reads it");
  const auto flags = std::make_shared<ShowFlags>();
  show->add_option("task", flags->task,
                   "a family of the pocket world, a .jsonl task file, or NAME:FILE")
      ->required();
  show->add_option("--index", flags->index, "which one, from 0")->capture_default_str();
  show->add_option("--seed", flags->seed, "of the pocket world")->capture_default_str();
  show->add_option("--split", flags->split, "of the pocket world: train, validation or test")
      ->capture_default_str();
  CLI::Option* json = show->add_flag("--json", flags->json, "its line of a task file");
  show->add_flag("--prompt", flags->prompt, "the prompt alone, to give to a model")->excludes(json);
  show->footer(
      "The words that the answer depends on are highlighted on a terminal and marked [[so]] "
      "elsewhere.\n\n"
      "Examples:\n"
      "  elmc dataset show app --index 3\n"
      "  elmc dataset show octopus:octopus_val.csv\n"
      "  elm run pocket-4m.elm -p \"$(elmc dataset show fact --split test --prompt)\" -n 8");
  show->callback([flags] { Show(*flags); });
}

}  // namespace elm
