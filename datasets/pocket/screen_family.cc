// What does this screen show, and where must one tap?
#include <algorithm>
#include <string>
#include <vector>

#include "datasets/pocket/scene.h"
#include "datasets/pocket/words.h"
#include "formats/base/status.h"

namespace elm::pocket {
namespace {

constexpr size_t kOptions = 4;
constexpr int kFewestElements = 9;
constexpr int kMostElements = 20;

constexpr std::string_view kInstructions[] = {
    "Answer about the screen.",
    "This is what the screen shows:", "Elements of the screen:", "Read the screen and answer."};

// What an element says beside its label.
enum class Shows { kState, kNothing, kPerCent, kNumber, kTime, kDate, kPerson, kCity };

struct Element {
  std::string_view label;
  std::string_view kind;
  Shows shows;
  std::string_view what;  // what users call it: "the wireless network|..."
  std::string_view act;   // what tapping it is good for; empty: nothing
};
constexpr Element kElements[] = {
    {"Wi-Fi", "switch", Shows::kState, "the wireless network", "change the wireless network"},
    {"Bluetooth", "switch", Shows::kState, "the link to headphones", "connect headphones"},
    {"Flight mode", "switch", Shows::kState, "the mode for planes", "get ready for take-off"},
    {"Dark theme", "switch", Shows::kState, "the black look", "make everything black"},
    {"Location", "switch", Shows::kState, "the position finder", "hide where I am"},
    {"Hotspot", "switch", Shows::kState, "the shared internet", "share my internet"},
    {"Mobile data", "switch", Shows::kState, "the cellular link", "surf without a router"},
    {"Auto-rotate", "switch", Shows::kState, "the turning of the picture",
     "stop the picture turning"},
    {"Do not disturb", "switch", Shows::kState, "the quiet mode", "get some peace"},
    {"Backup", "switch", Shows::kState, "the safety copy", "keep my data safe"},
    {"Vibration", "switch", Shows::kState, "the buzzing", "stop the buzzing"},
    {"Night light", "switch", Shows::kState, "the warm screen tint",
     "tint the screen for the evening"},
    {"Screen lock", "switch", Shows::kState, "the protection of the phone", "protect the phone"},
    {"Subtitles", "switch", Shows::kState, "the text under films", "read what is said"},
    {"Sync", "switch", Shows::kState, "the matching of devices", "match all my devices"},
    {"Brightness", "slider", Shows::kPerCent, "the strength of the display", "see more in the sun"},
    {"Volume", "slider", Shows::kPerCent, "the loudness", "make it louder"},
    {"Zoom", "slider", Shows::kPerCent, "the magnification", "see things bigger"},
    {"Speed", "slider", Shows::kPerCent, "the pace", "go faster"},
    {"Bass", "slider", Shows::kPerCent, "the low tones", "get deeper tones"},
    {"Battery", "label", Shows::kPerCent, "the charge that is left", ""},
    {"Storage", "label", Shows::kPerCent, "the used space", ""},
    {"Download", "label", Shows::kPerCent, "how far the transfer is", ""},
    {"Humidity", "label", Shows::kPerCent, "how damp the air is", ""},
    {"Steps", "label", Shows::kNumber, "how far I walked", ""},
    {"Unread", "label", Shows::kNumber, "how many messages are new", ""},
    {"Followers", "label", Shows::kNumber, "how many people follow", ""},
    {"Likes", "label", Shows::kNumber, "how many people enjoyed it", ""},
    {"Price", "label", Shows::kNumber, "what it costs", ""},
    {"Distance", "label", Shows::kNumber, "how far away it is", ""},
    {"Balance", "label", Shows::kNumber, "the money in the account", ""},
    {"Calories", "label", Shows::kNumber, "the burnt energy", ""},
    {"Points", "label", Shows::kNumber, "the score", ""},
    {"Alarm", "field", Shows::kTime, "when it rings", "change when it rings"},
    {"Departure", "field", Shows::kTime, "when the trip starts", "leave at another hour"},
    {"Arrival", "label", Shows::kTime, "when the trip ends", ""},
    {"Sunset", "label", Shows::kTime, "when it gets dark", ""},
    {"Bedtime", "field", Shows::kTime, "when to sleep", "go to sleep later"},
    {"Opening", "label", Shows::kTime, "when the doors open", ""},
    {"Birthday", "field", Shows::kDate, "the day of birth", "correct the day of birth"},
    {"Deadline", "field", Shows::kDate, "until when it must be done", "get more days for it"},
    {"Check-in", "field", Shows::kDate, "when the stay begins", "come on another day"},
    {"Check-out", "field", Shows::kDate, "when the stay ends", "stay longer"},
    {"Last update", "label", Shows::kDate, "when it was renewed", ""},
    {"Sender", "label", Shows::kPerson, "who wrote", ""},
    {"Recipient", "field", Shows::kPerson, "who gets it", "send it to someone else"},
    {"Host", "label", Shows::kPerson, "who invites", ""},
    {"Driver", "label", Shows::kPerson, "who steers the car", ""},
    {"Account", "field", Shows::kPerson, "whose profile it is", "use another profile"},
    {"From", "field", Shows::kCity, "the starting point", "start somewhere else"},
    {"To", "field", Shows::kCity, "the goal of the trip", "travel somewhere else"},
    {"Home town", "field", Shows::kCity, "where the owner lives", "say that I moved"},
    {"Time zone", "field", Shows::kCity, "the clock's region", "set the clock's region"},
    {"Send", "button", Shows::kNothing, "", "let it go out"},
    {"Back", "button", Shows::kNothing, "", "return to where I was"},
    {"Delete", "button", Shows::kNothing, "", "get rid of it"},
    {"Search", "button", Shows::kNothing, "", "look for something"},
    {"Share", "button", Shows::kNothing, "", "show it to others"},
    {"Save", "button", Shows::kNothing, "", "keep the changes"},
    {"Cancel", "button", Shows::kNothing, "", "break it off"},
    {"Help", "button", Shows::kNothing, "", "get some advice"},
    {"Buy now", "button", Shows::kNothing, "", "order it at once"},
    {"Play", "button", Shows::kNothing, "", "start the music"},
    {"Print", "button", Shows::kNothing, "", "get it on paper"},
    {"New", "button", Shows::kNothing, "", "create another one"},
    {"Edit", "button", Shows::kNothing, "", "alter the text"},
    {"Settings", "button", Shows::kNothing, "", "adjust how it works"},
    {"Camera", "button", Shows::kNothing, "", "add a picture"},
    {"Microphone", "button", Shows::kNothing, "", "speak instead of typing"},
    {"Mute", "button", Shows::kNothing, "", "silence it"},
    {"Reply", "button", Shows::kNothing, "", "answer the message"},
    {"Archive", "button", Shows::kNothing, "", "put it away"},
    {"Filter", "button", Shows::kNothing, "", "see only some of it"},
    {"Sign out", "button", Shows::kNothing, "", "leave my profile"},
    {"Next", "button", Shows::kNothing, "", "go on"},
};

constexpr std::string_view kStates[] = {"on", "off", "automatic", "locked"};

constexpr std::string_view kAskWhat[] = {"What does {label} show?", "What is {label} set to?",
                                         "Read {label} to me."};
constexpr std::string_view kAskAbout[] = {"Tell me about {what}.", "What about {what}?",
                                          "I want to know {what}."};
constexpr std::string_view kTapLabel[] = {"What do I tap for {label}?", "Tap {label}.",
                                          "Where is {label}?"};
constexpr std::string_view kTapAct[] = {"I want to {act}. What do I tap?", "Tap to {act}.",
                                        "Which number helps to {act}?"};

// An element as it stands on one screen.
struct Shown {
  const Element* element;
  std::string value;   // empty for Shows::kNothing
  std::string number;  // by which it is tapped
};

std::string DrawValue(Shows shows, Random& random) {
  switch (shows) {
    case Shows::kState:
      return std::string(random.Pick(kStates));
    case Shows::kPerCent:
      return StrCat(random.Between(1, 100), " %");
    case Shows::kNumber:
      return StrCat(random.Between(2, 9999));
    case Shows::kTime:
      return Word("time", random);
    case Shows::kDate:
      return Word("date", random);
    case Shows::kPerson:
      return Word("person", random);
    case Shows::kCity:
      return Word("city", random);
    case Shows::kNothing:
      break;
  }
  return "";
}

std::vector<Shown> DrawElements(Scene& scene, const Allowed& allowed, size_t count,
                                Random& random) {
  std::vector<const Element*> elements;
  for (const Element& element : kElements) elements.push_back(&element);
  random.Shuffle(elements);
  elements.resize(count);
  std::vector<std::string> taken;
  std::vector<Shown> screen;
  for (const Element* element : elements) {
    const auto draw = [&] {
      Shown shown{element, DrawValue(element->shows, random), ""};
      do shown.number = StrCat(random.Between(10, 999));
      while (std::find(taken.begin(), taken.end(), shown.number) != taken.end());
      return shown;
    };
    screen.push_back(DrawAllowed(scene, allowed, draw, [](const Shown& shown) {
      return StrCat(shown.element->label, "|", shown.value, "|", shown.number);
    }));
    taken.push_back(screen.back().number);
  }
  return screen;
}

// "[switch] Wi-Fi: on, tap 44". Facts 2 i and 2 i + 1 of element i: its value, its number.
Line Describe(const Shown& shown, uint32_t index, Random& random) {
  Line line;
  if (random.Chance(0.7)) line.Add(StrCat("[", shown.element->kind, "]"));
  const uint32_t value = 2 * index;
  const uint32_t number = 2 * index + 1;
  const bool has_value = !shown.value.empty();
  // The label belongs to both facts; it is marked as one, and both are asked for together.
  line.Add(StrCat(shown.element->label, ":"), value);
  if (has_value) line.Add(shown.value + ",", value);
  return line.Add("tap " + shown.number, number);
}

Question AskForValue(const std::vector<Shown>& screen, size_t index, Random& random) {
  const Shown& right = screen[index];
  Question question;
  question.answer = right.value;
  const bool by_label = random.Chance(0.4);
  question.text = by_label ? ReplaceSlot(random.Pick(kAskWhat), "{label}", right.element->label)
                           : ReplaceSlot(random.Pick(kAskAbout), "{what}", right.element->what);
  question.facts = {static_cast<uint32_t>(2 * index)};
  question.difficulty = by_label ? 0 : 0.5;
  std::vector<std::string> near;
  std::vector<std::string> far;
  for (const Shown& shown : screen) {
    if (shown.element->shows == right.element->shows) near.push_back(shown.value);
  }
  while (far.size() < 3 * kOptions) far.push_back(DrawValue(right.element->shows, random));
  if (right.element->shows == Shows::kState) far.assign(std::begin(kStates), std::end(kStates));
  question.options = MixOptions(question.answer, near, far, kOptions, random);
  return question;
}

Question AskForNumber(const std::vector<Shown>& screen, size_t index, Random& random) {
  const Shown& right = screen[index];
  Question question;
  question.answer = right.number;
  const bool by_label = right.element->act.empty() || random.Chance(0.3);
  question.text = by_label ? ReplaceSlot(random.Pick(kTapLabel), "{label}", right.element->label)
                           : ReplaceSlot(random.Pick(kTapAct), "{act}", right.element->act);
  question.facts = {static_cast<uint32_t>(2 * index), static_cast<uint32_t>(2 * index + 1)};
  question.difficulty = by_label ? 0 : 0.5;
  std::vector<std::string> near;
  for (const Shown& shown : screen) near.push_back(shown.number);
  question.options = MixOptions(question.answer, near, {}, kOptions, random);
  return question;
}

}  // namespace

Scene MakeScreenScene(Random& random, const Allowed& allowed, const Extent& extent) {
  Scene scene;
  scene.instructions = random.Pick(kInstructions);
  const auto count = extent.Of(random.Between(kFewestElements, kMostElements), 2);
  const std::vector<Shown> screen = DrawElements(scene, allowed, count, random);
  for (uint32_t i = 0; i < count; ++i) scene.lines.push_back(Describe(screen[i], i, random));
  for (const uint32_t subject : DrawSubjects(count, extent, random)) {
    const bool for_value = !screen[subject].value.empty() && random.Chance(0.6);
    const auto ask = for_value ? AskForValue : AskForNumber;
    BeginWording(extent, random);
    Question question = ask(screen, subject, random);
    question.difficulty +=
        0.5 * (static_cast<double>(count) - kFewestElements) / (kMostElements - kFewestElements);
    scene.questions.push_back(std::move(question));
  }
  return scene;
}

}  // namespace elm::pocket
