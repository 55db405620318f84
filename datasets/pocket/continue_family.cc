// Finish the last sentence of a short story with the one word that fits.
#include <algorithm>
#include <string>
#include <vector>

#include "datasets/pocket/scene.h"
#include "datasets/pocket/words.h"
#include "formats/base/status.h"

namespace elm::pocket {
namespace {

constexpr int kFewestEvents = 3;
constexpr int kMostEvents = 7;

constexpr std::string_view kInstructions[] = {"Finish the last sentence with one word.",
                                              "A short story:", "How does the story end?",
                                              "Complete the story."};

// {P} is a person, {V} the word that the ending asks for, {W} a word that tells this event from
// others of its kind.
struct Event {
  std::string_view value;
  std::string_view key;  // kind of {W}; empty: none
  std::string_view tellings;
  std::string_view endings;
};
constexpr Event kEvents[] = {
    {"thing", "room", "In the {W}, {P} found the {V}.|{P} went to the {W} and picked up a {V}.",
     "What {P} had found in the {W} was the|From the {W} {P} now had the"},
    {"thing", "room", "{P} hid something in the {W}: the {V}.|Into the {W} {P} carried a {V}.",
     "In the {W} everybody saw what {P} had put there, the|When {P} came back to the {W}, there "
     "was "
     "the"},
    {"food", "", "{P} was hungry and cooked {V}.|For lunch {P} ate {V}.",
     "In the evening {P} was still full of|{P} told everyone how good it was to have"},
    {"city", "", "{P} took the night train to {V}.|{P} packed a bag and left for {V}.",
     "The card that {P} wrote came from|All week {P} walked through the streets of"},
    {"pet", "", "{P} wanted company and bought a {V}.|{P} came home with a {V}.",
     "Since then {P} never goes out without the|In the photo {P} is holding a"},
    {"name", "pet", "{P} called the {W} {V}.|The {W} of {P} got the name {V}.",
     "From the garden {P} shouted for the {W}:|On the collar of the {W} {P} wrote the name"},
    {"colour", "thing", "{P} painted the {W} {V}.|{P} bought a {W}, and it was {V}.",
     "The {W} of {P} looked nice, because it was|Of all colours {P} had chosen for the {W}"},
    {"place", "", "{P} got lost and asked for the {V}.|{P} ran all the way to the {V}.",
     "At last {P} stood in front of the|Out of breath {P} reached the"},
    {"person", "thing", "{P} gave the {W} to {V}.|{P} had no use for the {W} and handed it to {V}.",
     "So the {W} of {P} now belongs to|To get the {W} back {P} had to ask"},
    {"person", "", "{P} fell in love with {V}.|{P} could think of nobody but {V}.",
     "One day {P} married|Every letter that {P} wrote was for"},
    {"drink", "", "{P} was thirsty and asked for {V}.|{P} filled a big glass with {V}.",
     "On the shirt of {P} there was a stain of|Nobody else liked what {P} drank, a cup of"},
    {"day", "city", "{P} will fly to {W} on {V}.|The trip of {P} to {W} begins on {V}.",
     "To see {W}, {P} must wait until|The suitcase of {P} for {W} must be ready on"},
    {"number", "food", "{P} sold {W} and earned {V} coins.|For a basket of {W} {P} got {V} coins.",
     "The coins that {P} made with the {W} were|When {P} counted the money for the {W}, it was"},
    {"thing", "day", "On {W} {P} won a {V}.|{P} got a {V} as a prize on {W}.",
     "What {P} brought home on {W} was a|The prize that {P} got on {W} was the"},
    {"room", "pet",
     "The {W} of {P} sleeps in the {V}.|{P} looked for the {W} and saw it in the {V}.",
     "To feed the {W}, {P} has to go to the|{P} knew that the {W} was in the"},
};
constexpr std::string_view kAsides[] = {"It was a {colour} morning in {city}.",
                                        "The sun went down behind the {place}.",
                                        "Nobody said a word.",
                                        "Outside a {pet} made a noise.",
                                        "The clock showed {time}.",
                                        "It smelled of {food}.",
                                        "Somebody played {song}.",
                                        "The wind shook the {thing}.",
                                        "They all laughed.",
                                        "It was {day} again."};

struct Told {
  const Event* event;
  std::string person;
  std::string key;
  std::string value;
};

std::string Fill(std::string_view text, const Told& told) {
  std::string filled(text);
  for (const auto& [slot, with] :
       {std::pair("{P}", told.person), std::pair("{W}", told.key), std::pair("{V}", told.value)}) {
    filled = ReplaceSlot(filled, slot, with);
  }
  return filled;
}

bool IsOneWord(const std::string& text) { return text.find(' ') == std::string::npos; }

Told DrawEvent(const Event& event, std::string_view person, Random& random) {
  Told told{&event, std::string(person), "", ""};
  if (!event.key.empty()) told.key = Word(event.key, random);
  do told.value = Word(event.value, random);
  while (!IsOneWord(told.value) || told.value == told.person);
  return told;
}

// Different events of two to four people.
std::vector<Told> DrawStory(Scene& scene, const Allowed& allowed, size_t count, Random& random) {
  std::vector<std::string_view> people(People().begin(), People().end());
  random.Shuffle(people);
  people.resize(static_cast<size_t>(random.Between(2, 4)));
  std::vector<const Event*> events;
  for (const Event& event : kEvents) events.push_back(&event);
  random.Shuffle(events);
  std::vector<Told> story;
  for (size_t i = 0; story.size() < count; ++i) {
    const Event& event = *events[i % events.size()];
    const std::string_view person = people[(i + i / events.size()) % people.size()];
    const auto told = TryDrawAllowed(
        scene, allowed, [&] { return DrawEvent(event, person, random); },
        [](const Told& drawn) {
          return StrCat(drawn.person, "|", Alternatives(drawn.event->tellings).front(), "|",
                        drawn.key, "|", drawn.value);
        });
    if (told) story.push_back(*told);
  }
  return story;
}

}  // namespace

Scene MakeContinueScene(Random& random, const Allowed& allowed, const Extent& extent) {
  Scene scene;
  scene.instructions = random.Pick(kInstructions);
  const auto count = extent.Of(random.Between(kFewestEvents, kMostEvents), 1);
  const std::vector<Told> story = DrawStory(scene, allowed, count, random);
  for (uint32_t i = 0; i < count; ++i) {
    const auto telling = random.Pick(Alternatives(story[i].event->tellings));
    scene.lines.push_back(Line().Add(Fill(telling, story[i]), i));
    if (random.Chance(0.5)) {
      scene.lines.push_back(Line().Add(FillSlots(random.Pick(kAsides), random)));
    }
  }
  for (const uint32_t subject : DrawSubjects(count, extent, random)) {
    const Told& asked = story[subject];
    BeginWording(extent, random);
    scene.questions.push_back(
        {.text = Fill(random.Pick(Alternatives(asked.event->endings)), asked) + "...",
         .options = {},
         .answer = asked.value,
         .facts = {subject},
         .difficulty =
             (static_cast<double>(count) - kFewestEvents) / (kMostEvents - kFewestEvents)});
  }
  return scene;
}

}  // namespace elm::pocket
