#include "toolchain/eval/task_specs.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "datasets/pocket/world.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

constexpr std::string_view kFamilies = "pocket:";
constexpr std::string_view kText = "ppl:";

bool IsFamily(std::string_view name) {
  const auto families = pocket::Families();
  return std::any_of(families.begin(), families.end(),
                     [name](const pocket::Family& family) { return family.name == name; });
}

// Appends the specs of one argument, the families of one "pocket:" together.
void Split(const std::string& argument, std::vector<std::string>& specs) {
  bool in_families = false;
  for (size_t begin = 0; begin <= argument.size();) {
    const size_t end = std::min(argument.find(',', begin), argument.size());
    const std::string piece = argument.substr(begin, end - begin);
    begin = end + 1;
    if (piece.empty()) {
      throw Error(InvalidArgument("--tasks \"", argument,
                                  "\": holds an empty name; write them like pocket,ppl:text.txt"));
    }
    if (in_families && IsFamily(piece)) {
      specs.back() += "," + piece;
      continue;
    }
    in_families = piece.starts_with(kFamilies);
    specs.push_back(piece);
  }
}

void RefuseTwins(std::vector<std::string> specs) {
  std::sort(specs.begin(), specs.end());
  const auto twin = std::adjacent_find(specs.begin(), specs.end());
  if (twin == specs.end()) return;
  throw Error(InvalidArgument("--tasks names ", *twin, " twice"));
}

}  // namespace

TaskSpecs ParseTaskSpecs(const std::vector<std::string>& arguments) {
  std::vector<std::string> all;
  for (const std::string& argument : arguments) Split(argument, all);
  RefuseTwins(all);
  TaskSpecs specs;
  for (const std::string& spec : all) {
    if (!spec.starts_with(kText)) {
      specs.tasks.push_back(spec);
    } else if (spec.size() > kText.size()) {
      specs.texts.push_back(spec.substr(kText.size()));
    } else {
      throw Error(InvalidArgument("--tasks ppl: names no text; write ppl:FILE"));
    }
  }
  std::vector<std::string> names;
  for (const std::string& text : specs.texts) names.push_back(SpecName(text));
  RefuseTwins(names);  // reports know texts by the names of their files
  return specs;
}

std::string SpecName(const std::string& spec) {
  const size_t slash = spec.find('/');
  const size_t colon = spec.find(':');
  if (slash == std::string::npos) return spec;
  const std::string prefix = colon < slash ? spec.substr(0, colon + 1) : "";
  return prefix + std::filesystem::path(spec).filename().string();
}

}  // namespace elm
