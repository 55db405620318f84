// Which of twenty functions does what the user asks for?
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "datasets/pocket/requests.h"
#include "datasets/pocket/scene.h"
#include "datasets/pocket/words.h"
#include "formats/base/status.h"

namespace elm::pocket {
namespace {

constexpr int kFunctions = 20;

constexpr std::string_view kInstructions[] = {
    "Choose the function for the request.",
    "Functions that can be called:", "Which function must be called?",
    "Pick one of these functions."};
constexpr std::string_view kVerbs[] = {"do", "run", "use", "api", "start", "my", "call", "os"};
constexpr std::string_view kParameters[] = {"(name)",  "(time)",  "(text, to)", "(level)",
                                            "()",      "(place)", "(id)",       "(when)",
                                            "(query)", "(mode)",  "(language)", "(a, b)"};

// Half of the names say what the function does; the others must be read off its description.
std::string InventFunctionName(const Capability& capability, Random& random) {
  if (random.Chance(0.5)) {
    const std::string stem(random.Pick(Alternatives(capability.stem)));
    const std::string_view verb = random.Pick(kVerbs);
    return random.Chance(0.5) ? stem : StrCat(verb, "_", stem);
  }
  std::string name = InventName(random);
  name[0] = static_cast<char>(name[0] - 'A' + 'a');
  return StrCat(name, "_", random.Between(1, 99));
}

struct Function {
  Capability capability;
  std::string name;
};

Line Describe(const Function& function, uint32_t fact, Random& random) {
  Line line;
  if (random.Chance(0.6)) line.Add(random.Pick(kParameters));
  return line.Add(Describe(function.capability, random) + ":", fact).Add(function.name, fact);
}

}  // namespace

Scene MakeFunctionScene(Random& random, const Allowed& allowed, const Extent& extent) {
  Scene scene;
  scene.instructions = random.Pick(kInstructions);
  std::vector<Function> functions;
  std::vector<std::string> names;
  for (Capability& capability : DrawCapabilities(extent.Of(kFunctions, 2), random)) {
    const auto draw = [&] {
      std::string name;
      do name = InventFunctionName(capability, random);
      while (std::find(names.begin(), names.end(), name) != names.end());
      return name;
    };
    names.push_back(DrawAllowed(scene, allowed, draw, [&](const std::string& name) {
      return StrCat(capability.stem, "|", name);
    }));
    functions.push_back({std::move(capability), names.back()});
  }
  for (uint32_t i = 0; i < functions.size(); ++i) {
    scene.lines.push_back(Describe(functions[i], i, random));
  }
  for (const uint32_t subject : DrawSubjects(functions.size(), extent, random)) {
    const Function& right = functions[subject];
    BeginWording(extent, random);
    scene.questions.push_back({.text = Ask(right.capability, random),
                               .options = MixOptions(right.name, names, {}, kFunctions, random),
                               .answer = right.name,
                               .facts = {subject},
                               .difficulty = 0.5});
  }
  return scene;
}

}  // namespace elm::pocket
