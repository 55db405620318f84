// Which of the apps on this phone does what the user wants?
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "datasets/pocket/requests.h"
#include "datasets/pocket/scene.h"
#include "datasets/pocket/words.h"

namespace elm::pocket {
namespace {

constexpr size_t kOptions = 6;
constexpr int kMostApps = 14;
// Home screens show names alone, and many; requests name the app.
constexpr double kHomeScreens = 0.25;
constexpr int kMostOnHomeScreen = 40;
constexpr double kNamed = 0.1;        // of the other questions
constexpr double kCarelessly = 0.15;  // of the names in requests: in lower case

constexpr std::string_view kInstructions[] = {
    "Choose the app for the request.", "Which app should open?", "Apps on this phone:",
    "Installed apps, and what they are for:", "Pick the app that helps the user."};
constexpr std::string_view kBefore[] = {"free,", "{number} MB,",    "used on {day},",
                                        "new,",  "updated {date},", "in the folder {name},",
                                        "old,"};
constexpr std::string_view kAfter[] = {"(opened at {time})", "(made in {city})",
                                       "(rated by {person})", "(page {number})",
                                       "(not used since {date})"};
// Requests that name the app; the answer can be read off the question.
constexpr std::string_view kByName[] = {
    "Open {app}.",
    "Check the settings of {app}.",
    "Is {app} up to date?",
    "Start {app}, please.",
    "Switch over to {app}.",
    "What is new in {app}?",
    "Check my {app}.",
    "Go to {app}.",
    "Open {app} and go to the page '{modifier} {noun}'.",
    "Open {app}, look for {food}, and show me the first one.",
    "On {app}, turn off the '{noun}' messages of {person}.",
    "In the {app} app, change the {modifier} {noun} to {number}.",
    "On the {app} app, go to the {noun}s and pick '{modifier}'.",
    "Turn on the {modifier} {noun} in the {app} app.",
    "Use {app} to send {person} a picture of the {pet}.",
    "Search for a {colour} {thing} on {app}.",
    "Find the way to the {place} in {city} with {app}.",
    "Install {app}.",
    "Install the app '{app}' and open it.",
    "Show the {modifier} {noun} that {person} sent me on {app}.",
    "Navigate to the {noun} of {app} and switch to '{modifier} mode'.",
    "Add '{song}' to my {noun} in {app}.",
    "Please delete the {modifier} {noun} of {day} from {app}.",
    "What did {person} write about {topic} on {app}?"};

struct App {
  Capability capability;
  std::string name;
};

std::string AskByName(const std::string& name, Random& random) {
  const std::string mention = random.Chance(kCarelessly) ? Lowercased(name) : name;
  const std::string_view pattern = random.Pick(kByName);
  return FillSlots(ReplaceSlot(pattern, "{app}", mention), random);
}

// As on real phones: "Zentro", "Garden Planner", "Zentro Notes", "Timer".
std::string InventTitle(Random& random) {
  constexpr std::string_view kForms[] = {"{name}",
                                         "{name}",
                                         "{modifier} {noun}",
                                         "{modifier} {noun}",
                                         "{name} {noun}s",
                                         "{name} {modifier}",
                                         "{modifier}",
                                         "{noun}s"};
  const std::string words = FillSlots(random.Pick(kForms), random);
  std::string title;
  for (const std::string_view word : SplitWords(words)) {
    if (!title.empty()) title += ' ';
    title += Capitalised(std::string(word));
  }
  return title;
}

Line Describe(const App& app, uint32_t fact, Random& random) {
  Line line;
  if (random.Chance(0.4)) line.Add(FillSlots(random.Pick(kBefore), random));
  line.Add(Describe(app.capability, random) + ":", fact).Add(app.name, fact);
  if (random.Chance(0.3)) line.Add(FillSlots(random.Pick(kAfter), random));
  return line;
}

Question AskFor(const std::vector<App>& apps, size_t right, bool by_name, Random& random) {
  std::vector<std::string> near;
  std::vector<std::string> far;
  for (const App& app : apps) {
    const bool same = app.capability.domain == apps[right].capability.domain;
    (same ? near : far).push_back(app.name);
  }
  Question question;
  question.answer = apps[right].name;
  question.text = by_name ? AskByName(question.answer, random)
                          : Ask(apps[right].capability, random);
  question.facts = {static_cast<uint32_t>(right)};
  question.difficulty = (static_cast<double>(apps.size()) - kOptions) / (kMostApps - kOptions);
  question.options = MixOptions(question.answer, near, far, kOptions, random);
  return question;
}

Scene MakeHomeScreen(Random& random, const Allowed& allowed, const Extent& extent) {
  Scene scene;
  const auto count = extent.Of(random.Between(kMostApps, kMostOnHomeScreen), 2);
  std::vector<std::string> names;
  while (names.size() < count) {
    const auto name = DrawAllowed(
        scene, allowed, [&] { return InventTitle(random); },
        [](const std::string& drawn) { return StrCat("home|", drawn); });
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  for (uint32_t i = 0; i < count; ++i) scene.lines.push_back(Line().Add(names[i], i));
  for (const uint32_t subject : DrawSubjects(count, extent, random)) {
    BeginWording(extent, random);
    scene.questions.push_back({.text = AskByName(names[subject], random),
                               .options = MixOptions(names[subject], names, {}, kOptions, random),
                               .answer = names[subject],
                               .facts = {subject},
                               .difficulty = static_cast<double>(count) / kMostOnHomeScreen});
  }
  return scene;
}

Scene MakeDescribedApps(Random& random, const Allowed& allowed, const Extent& extent) {
  Scene scene;
  const auto count = extent.Of(random.Between(kOptions, kMostApps), 2);
  std::vector<App> apps;
  for (Capability& capability : DrawCapabilities(count, random)) {
    const auto taken = [&](const std::string& name) {
      return std::any_of(apps.begin(), apps.end(),
                         [&](const App& app) { return app.name == name; });
    };
    const auto draw = [&] {
      std::string name;
      do name = InventName(random);
      while (taken(name));
      return name;
    };
    const std::string name = DrawAllowed(scene, allowed, draw, [&](const std::string& drawn) {
      return StrCat(capability.stem, "|", drawn);
    });
    apps.push_back({std::move(capability), name});
  }
  for (uint32_t i = 0; i < apps.size(); ++i) scene.lines.push_back(Describe(apps[i], i, random));
  for (const uint32_t subject : DrawSubjects(apps.size(), extent, random)) {
    const bool by_name = random.Chance(kNamed);
    BeginWording(extent, random);
    scene.questions.push_back(AskFor(apps, subject, by_name, random));
  }
  return scene;
}

}  // namespace

Scene MakeAppScene(Random& random, const Allowed& allowed, const Extent& extent) {
  const std::string_view instructions = random.Pick(kInstructions);
  Scene scene = random.Chance(kHomeScreens) ? MakeHomeScreen(random, allowed, extent)
                                            : MakeDescribedApps(random, allowed, extent);
  scene.instructions = instructions;
  return scene;
}

}  // namespace elm::pocket
