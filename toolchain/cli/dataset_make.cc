// elmc dataset make: tasks or text of the pocket world, as a file.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "datasets/documents.h"
#include "datasets/load_tasks.h"
#include "datasets/pocket/world.h"
#include "datasets/task_file.h"
#include "datasets/text_file_writer.h"
#include "toolchain/base/error.h"
#include "toolchain/cli/dataset_commands.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/progress.h"

namespace elm {
namespace {

constexpr const char* kCorpus = "corpus";
constexpr uint64_t kMostCount = 1'000'000'000;

struct MakeFlags {
  std::vector<std::string> tasks;
  std::string split = "train";
  uint64_t seed = 1;
  uint64_t count = 1000;
  bool corpus = false;
  std::string output;
  bool quiet = false;
};

void MakeTasks(const MakeFlags& flags, pocket::Split split, Progress& progress) {
  std::string list;
  for (const std::string& name : flags.tasks) list += (list.empty() ? "" : ",") + name;
  const std::vector<uint32_t> families = ValueOrThrow(ParseFamilies(list));
  TaskFileWriter file = ValueOrThrow(TaskFileWriter::Create(flags.output));
  for (uint64_t index = 0; index < flags.count; ++index) {
    for (const uint32_t family : families) {
      ThrowIfError(file.Add(pocket::MakeTask({family, split, flags.seed, index})));
    }
    ThrowIfCancelled();
    progress.Update(index + 1, flags.count);
  }
  ThrowIfError(file.Commit());
  std::printf("wrote %s, %llu tasks\n", flags.output.c_str(),
              static_cast<unsigned long long>(flags.count * families.size()));
}

void MakeCorpus(const MakeFlags& flags, pocket::Split split, Progress& progress) {
  TextFileWriter file = ValueOrThrow(TextFileWriter::Create(flags.output));
  for (uint64_t index = 0; index < flags.count; ++index) {
    if (index > 0) ThrowIfError(file.Add(StrCat(kDocumentSeparator, "\n")));
    ThrowIfError(file.Add(pocket::MakeDocument(split, flags.seed, index)));
    ThrowIfCancelled();
    progress.Update(index + 1, flags.count);
  }
  ThrowIfError(file.Commit());
  std::printf("wrote %s, %llu documents, %s\n", flags.output.c_str(),
              static_cast<unsigned long long>(flags.count), FormatBytes(file.size()).c_str());
}

// `corpus` stands among the names of tasks, but is none.
bool WantsCorpus(const MakeFlags& flags) {
  const bool named =
      std::find(flags.tasks.begin(), flags.tasks.end(), kCorpus) != flags.tasks.end();
  if ((named && flags.tasks.size() > 1) || (flags.corpus && !named && !flags.tasks.empty())) {
    throw Error(InvalidArgument(
        "a corpus is text, which does not go into one file with tasks; make it apart"));
  }
  return named || flags.corpus;
}

void Make(const MakeFlags& flags) {
  const pocket::Split split = ValueOrThrow(pocket::ParseSplit(flags.split));
  if (flags.count < 1 || flags.count > kMostCount) {
    throw Error(InvalidArgument("--count is ", flags.count, ", expected 1 to ", kMostCount));
  }
  const bool corpus = WantsCorpus(flags);
  Progress progress(corpus ? kCorpus : "tasks",
                    flags.quiet ? Progress::Style::kNone : Progress::DetectStyle());
  corpus ? MakeCorpus(flags, split, progress) : MakeTasks(flags, split, progress);
}

}  // namespace

void AddDatasetMake(CLI::App& command) {
  CLI::App* make = command.add_subcommand("make", "Write tasks of the pocket world to a file");
  const auto flags = std::make_shared<MakeFlags>();
  make->add_option("--task", flags->tasks, "families, default all of them; or corpus")
      ->delimiter(',')
      ->take_all();
  make->add_flag("--corpus", flags->corpus,
                 "plain text instead of tasks, the same as --task corpus");
  make->add_option("--count", flags->count, "tasks of each family, or documents")
      ->capture_default_str();
  make->add_option("--seed", flags->seed, "another seed, other tasks")->capture_default_str();
  make->add_option("--split", flags->split,
                   "train, validation or test; what they are about never overlaps")
      ->capture_default_str();
  make->add_option("-o,--output", flags->output, "the file to write")->required();
  make->add_flag("--quiet", flags->quiet, "no progress");
  make->footer(
      "The same flags give the same file, byte for byte, on every machine.\n\n"
      "Examples:\n"
      "  elmc dataset make --task app,fact --count 1000 --seed 7 -o tasks.jsonl\n"
      "  elmc dataset make --split test --count 200 -o test.jsonl\n"
      "  elmc dataset make --corpus --count 20000 -o corpus.txt");
  make->callback([flags] { Make(*flags); });
}

}  // namespace elm
