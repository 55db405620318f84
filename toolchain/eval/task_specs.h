// What `--tasks` names.
#pragma once

#include <string>
#include <vector>

namespace elm {

struct TaskSpecs {
  std::vector<std::string> tasks;  // for LoadTasks()
  std::vector<std::string> texts;  // files to measure the loss on, from "ppl:FILE"
};

// Arguments that each hold one or several specs, separated by commas. A family of the built-in
// world behind "pocket:FAMILY" belongs to it: "pocket:app,fact,ppl:wiki.txt" are two. Throws
// elm::Error for an empty spec, one that occurs twice, and "ppl:" without a file.
TaskSpecs ParseTaskSpecs(const std::vector<std::string>& arguments);

// The spec without folders, as reports name it: "arc:/data/easy.json" is "arc:easy.json".
std::string SpecName(const std::string& spec);

}  // namespace elm
