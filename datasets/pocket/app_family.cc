// Which of the apps on this phone does what the user wants?
#include <algorithm>
#include <string>
#include <vector>

#include "datasets/pocket/requests.h"
#include "datasets/pocket/scene.h"
#include "datasets/pocket/words.h"

namespace elm::pocket {
namespace {

constexpr size_t kOptions = 6;
constexpr int kMostApps = 14;

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
constexpr std::string_view kByName[] = {"Open {app}.",           "Check the settings of {app}.",
                                        "Is {app} up to date?",  "Start {app}, please.",
                                        "Switch over to {app}.", "What is new in {app}?"};

struct App {
  const Capability* capability;
  std::string name;
};

std::string AskByName(const std::string& name, Random& random) {
  return ReplaceSlot(random.Pick(kByName), "{app}", name);
}

Line Describe(const App& app, uint32_t fact, Random& random) {
  Line line;
  if (random.Chance(0.4)) line.Add(FillSlots(random.Pick(kBefore), random));
  line.Add(Describe(*app.capability, random) + ":", fact).Add(app.name, fact);
  if (random.Chance(0.3)) line.Add(FillSlots(random.Pick(kAfter), random));
  return line;
}

Question AskFor(const std::vector<App>& apps, size_t right, Random& random) {
  std::vector<std::string> near;
  std::vector<std::string> far;
  for (const App& app : apps) {
    const bool same = app.capability->domain == apps[right].capability->domain;
    (same ? near : far).push_back(app.name);
  }
  Question question;
  question.answer = apps[right].name;
  question.text = random.Chance(0.1) ? AskByName(question.answer, random)
                                     : Ask(*apps[right].capability, random);
  question.facts = {static_cast<uint32_t>(right)};
  question.difficulty = (static_cast<double>(apps.size()) - kOptions) / (kMostApps - kOptions);
  question.options = MixOptions(question.answer, near, far, kOptions, random);
  return question;
}

}  // namespace

Scene MakeAppScene(Random& random, const Allowed& allowed, const Extent& extent) {
  Scene scene;
  scene.instructions = random.Pick(kInstructions);
  const auto count = extent.Of(random.Between(kOptions, kMostApps), 2);
  std::vector<App> apps;
  for (const Capability* capability : DrawCapabilities(count, random)) {
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
      return std::string(capability->stem) + "|" + drawn;
    });
    apps.push_back({capability, name});
  }
  for (uint32_t i = 0; i < apps.size(); ++i) scene.lines.push_back(Describe(apps[i], i, random));
  std::vector<size_t> order(apps.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  random.Shuffle(order);
  for (size_t i = 0; i < std::min<size_t>(extent.questions, order.size()); ++i) {
    scene.questions.push_back(AskFor(apps, order[i], random));
  }
  return scene;
}

}  // namespace elm::pocket
