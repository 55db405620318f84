#include "datasets/load_tasks.h"

#include <algorithm>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>

#include "datasets/public/public_sets.h"
#include "datasets/task_file.h"
#include "formats/base/printable.h"
#include "formats/base/suggest.h"

namespace elm {
namespace {

constexpr std::string_view kPocket = "pocket";
constexpr std::string_view kTaskFile = ".jsonl";

// "name:rest"; without a name when the text in front of the first colon is part of a path.
struct Spec {
  std::string name;
  std::string rest;
};

Spec SplitSpec(const std::string& spec) {
  const size_t colon = spec.find(':');
  if (colon == std::string::npos || spec.find_first_of("/.") < colon) return {"", spec};
  return {spec.substr(0, colon), spec.substr(colon + 1)};
}

// What can stand for a source of tasks where a name is expected.
std::vector<std::string> KnownNames() {
  std::vector<std::string> names = {std::string(kPocket)};
  for (const PublicSet& set : PublicSets()) names.emplace_back(set.name);
  return names;
}

std::vector<std::string> FamilyNames() {
  std::vector<std::string> names;
  for (const pocket::Family& family : pocket::Families()) names.emplace_back(family.name);
  return names;
}

Status UnknownName(const std::string& name) {
  if (pocket::FindFamily(name).ok()) {
    return InvalidArgument("no tasks are called ", Printable(name), "; did you mean pocket:", name,
                           ", the family of the built-in world?");
  }
  if (const std::string family = Suggestion(name, FamilyNames()); !family.empty()) {
    return InvalidArgument("no tasks are called ", Printable(name), family,
                           " Families of the built-in world are given as pocket:NAME");
  }
  const std::string suggestion = Suggestion(name, KnownNames());
  return InvalidArgument("no tasks are called ", Printable(name),
                         suggestion.empty() ? "; expected a .jsonl task file, pocket, or NAME:FILE "
                                              "with a name from `elmc dataset list`"
                                            : suggestion);
}

// A spec that is neither a task file nor the built-in world and names no public set.
Status NoSuchSource(const std::string& spec) {
  if (FindPublicSet(spec).ok()) {
    return InvalidArgument("the public set ", spec, " is read from a file: give ", spec, ":FILE");
  }
  std::error_code unreadable;
  if (std::filesystem::exists(spec, unreadable) || spec.find_first_of("/.") != std::string::npos) {
    return InvalidArgument(spec,
                           ": a task file ends in .jsonl; the file of a public set is given "
                           "as NAME:FILE with a name from `elmc dataset list`");
  }
  return UnknownName(spec);
}

Result<std::vector<Task>> MakePocketTasks(const std::string& list,
                                          const LoadTasksOptions& options) {
  ELM_ASSIGN_OR_RETURN(const std::vector<uint32_t> families, ParseFamilies(list));
  if (options.count == 0) {
    return InvalidArgument("0 tasks asked for; the built-in world has no end, so give a count");
  }
  std::vector<Task> tasks;
  tasks.reserve(families.size() * options.count);
  for (uint64_t index = 0; index < options.count; ++index) {
    for (uint32_t family : families) {
      tasks.push_back(pocket::MakeTask({.family = family,
                                        .split = options.split,
                                        .seed = options.seed,
                                        .index = index,
                                        .wording = options.wording}));
    }
  }
  return tasks;
}

Result<std::vector<Task>> ReadPublicSet(const PublicSet& set, const std::string& path,
                                        const LoadTasksOptions& options) {
  ELM_ASSIGN_OR_RETURN(PublicTasks read, set.read(path));
  if (options.notes != nullptr) {
    options.notes->insert(options.notes->end(), read.notes.begin(), read.notes.end());
  }
  return std::move(read.tasks);
}

Result<std::vector<Task>> ReadFrom(const Spec& spec, const LoadTasksOptions& options) {
  if (spec.name.empty()) {
    if (spec.rest.ends_with(kTaskFile)) return ReadTaskFile(spec.rest);
    return NoSuchSource(spec.rest);
  }
  const Result<const PublicSet*> set = FindPublicSet(spec.name);
  if (!set.ok()) return UnknownName(spec.name);
  if (spec.rest.empty()) return NoSuchSource(spec.name);
  return ReadPublicSet(**set, spec.rest, options);
}

}  // namespace

Result<std::vector<uint32_t>> ParseFamilies(const std::string& list) {
  std::vector<uint32_t> families;
  const auto all = pocket::Families();
  if (list.empty()) {
    for (uint32_t family = 0; family < all.size(); ++family) families.push_back(family);
    return families;
  }
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    ELM_ASSIGN_OR_RETURN(const pocket::Family* found,
                         pocket::FindFamily(list.substr(begin, end - begin)));
    const auto index = static_cast<uint32_t>(found - all.data());
    if (std::find(families.begin(), families.end(), index) == families.end()) {
      families.push_back(index);
    }
    begin = end + 1;
  }
  return families;
}

Result<std::vector<Task>> LoadTasks(const std::string& spec, const LoadTasksOptions& options) {
  if (spec == kPocket) return MakePocketTasks("", options);
  const Spec parts = SplitSpec(spec);
  if (parts.name == kPocket) return MakePocketTasks(parts.rest, options);
  ELM_ASSIGN_OR_RETURN(std::vector<Task> tasks, ReadFrom(parts, options));
  if (options.count != 0 && tasks.size() > options.count) tasks.resize(options.count);
  return tasks;
}

}  // namespace elm
