// Find a fact about a person in notes and chats.
#include <algorithm>
#include <string>
#include <vector>

#include "datasets/pocket/scene.h"
#include "datasets/pocket/words.h"
#include "formats/base/status.h"

namespace elm::pocket {
namespace {

constexpr size_t kOptions = 4;
constexpr int kMostPeople = 5;

constexpr std::string_view kInstructions[] = {"Answer from the notes.", "Notes and messages:",
                                              "What is known:", "Find the answer in these notes.",
                                              "From my notebook:"};

// {P} is the person, {V} the value; the person stands before the value, as a reader meets them.
struct Attribute {
  std::string_view value;       // kind of word (words.h)
  std::string_view statements;  // the first one is the canonical line
  std::string_view questions;
};
constexpr Attribute kAttributes[] = {
    {"date", "birthday of {P}: {V}|{P} was born on {V}|{P} turns a year older on {V}",
     "When is the birthday of {P}?|On which day do we congratulate {P}?"},
    {"code",
     "door code of {P}: {V}|to get into the house of {P} type {V}|{P} opens the door with {V}",
     "What is the door code of {P}?|What do I type to get in at {P}?"},
    {"city", "home of {P}: {V}|{P} lives in {V}|{P} has moved to {V}",
     "Where does {P} live?|In which city is the flat of {P}?"},
    {"city", "birthplace of {P}: {V}|{P} grew up in {V}|{P} comes from {V}",
     "Where is {P} from?|Where did {P} grow up?"},
    {"drink", "usual drink of {P}: {V}|{P} always orders {V}|in the morning {P} needs {V}",
     "What does {P} drink?|Which drink do I make for {P}?"},
    {"food", "favourite dish of {P}: {V}|{P} loves {V}|you make {P} happy with {V}",
     "What does {P} like to eat?|Which dish pleases {P}?"},
    {"food", "allergy of {P}: {V}|{P} gets ill from {V}|{P} must never eat {V}",
     "What must {P} not eat?|Which food is bad for {P}?"},
    {"pet", "pet of {P}: {V}|{P} keeps a {V}|at home {P} feeds a {V}",
     "Which animal does {P} have?|What pet lives with {P}?"},
    {"name", "the pet of {P} is called {V}|{P} calls the animal {V}|{P} named the little one {V}",
     "What is the pet of {P} called?|Which name did {P} give the animal?"},
    {"time", "train of {P}: {V}|{P} takes the train at {V}|the railway ticket of {P} says {V}",
     "When does the train of {P} leave?|At what time does {P} take the train?"},
    {"time",
     "dentist of {P}: {V}|{P} must be at the dentist at {V}|the teeth of {P} get checked at {V}",
     "When does {P} see the dentist?|At what time are the teeth of {P} checked?"},
    {"place", "job of {P}: {V}|{P} works at the {V}|{P} earns money at the {V}",
     "Where does {P} work?|At which place is {P} employed?"},
    {"place", "meeting with {P}: {V}|{P} waits for me at the {V}|I meet {P} at the {V}",
     "Where do I meet {P}?|At which place is {P} waiting?"},
    {"place", "car of {P}: {V}|{P} parked at the {V}|{P} left the car near the {V}",
     "Where is the car of {P}?|Where did {P} park?"},
    {"room", "key of {P}: {V}|{P} hides the key in the {V}|{P} hung the key in the {V}",
     "Where is the key of {P}?|In which room does {P} hide the key?"},
    {"room", "desk of {P}: {V}|{P} writes in the {V}|{P} put the desk into the {V}",
     "Where does {P} have the desk?|In which room does {P} write?"},
    {"thing", "present for {P}: {V}|{P} wants a {V}|{P} would be glad of a {V}",
     "What present does {P} want?|What shall I give {P}?"},
    {"thing", "{P} lost: {V}|{P} cannot find the {V}|{P} is looking for a {V}",
     "What did {P} lose?|What is {P} looking for?"},
    {"thing", "{P} borrowed: {V}|{P} still has my {V}|{P} must give back the {V}",
     "What did {P} borrow?|What must {P} give back?"},
    {"thing", "{P} brings: {V}|{P} will carry the {V}|for the trip {P} packs a {V}",
     "What does {P} bring?|What will {P} pack?"},
    {"song", "favourite song of {P}: {V}|{P} sings {V} all day|{P} cannot stop humming {V}",
     "Which song does {P} love?|What does {P} hum?"},
    {"colour", "colour of the car of {P}: {V}|{P} drives something {V}|{P} had the car painted {V}",
     "Which colour is the car of {P}?|What colour does {P} drive?"},
    {"colour",
     "favourite colour of {P}: {V}|{P} only wears {V}|{P} thinks nothing is prettier than {V}",
     "Which colour does {P} like best?|What colour does {P} wear?"},
    {"number", "flat of {P}: number {V}|{P} rings at number {V}|on the door of {P} it says {V}",
     "What is the flat number of {P}?|Which number is on the door of {P}?"},
    {"number", "seat of {P}: {V}|{P} sits in seat {V}|on the train {P} has seat {V}",
     "Which seat has {P}?|What is the seat number of {P}?"},
    {"number", "shoe size of {P}: {V}|{P} wears shoes in {V}|shoes for {P} must be {V}",
     "What is the shoe size of {P}?|How big are the shoes of {P}?"},
    {"number", "age of {P}: {V}|{P} is now {V}|{P} says to be {V} years old",
     "How old is {P}?|What is the age of {P}?"},
    {"day", "day off of {P}: {V}|{P} is free every {V}|{P} never works on {V}",
     "When is {P} free?|Which day has {P} off?"},
    {"day", "choir of {P}: {V}|{P} sings with the others on {V}|{P} has rehearsal on {V}",
     "When does {P} sing?|Which day is the rehearsal of {P}?"},
    {"person", "sister of {P}: {V}|{P} has a sister called {V}|{P} grew up with a girl called {V}",
     "Who is the sister of {P}?|What is the sister of {P} called?"},
    {"person", "boss of {P}: {V}|{P} works for {V}|{P} has to report to {V}",
     "Who is the boss of {P}?|For whom does {P} work?"},
    {"person", "neighbour of {P}: {V}|{P} lives next to {V}|{P} shares the hall with {V}",
     "Who is the neighbour of {P}?|Next to whom does {P} live?"},
    {"person", "doctor of {P}: {V}|{P} is treated by {V}|{P} trusts the advice of doctor {V}",
     "Who is the doctor of {P}?|Who treats {P}?"},
    {"topic", "speech of {P}: {V}|{P} will talk about {V}|{P} reads everything on {V}",
     "What will {P} talk about?|What is the speech of {P} on?"},
    {"name", "phone brand of {P}: {V}|{P} bought a phone by {V}|{P} has a new {V} phone",
     "Which phone does {P} have?|By whom is the phone of {P} made?"},
    {"name", "street of {P}: {V}|{P} lives in the lane called {V}|letters to {P} go to {V} road",
     "In which street is {P}?|Where do letters to {P} go?"},
};

constexpr std::string_view kChatter[] = {"what a lovely {day} that was",
                                         "{person} will be late again",
                                         "did anyone see the {thing}?",
                                         "the {place} is closed until {date}",
                                         "I had {food} with {person}",
                                         "let us talk about {topic} soon",
                                         "the {pet} ran through the {room}",
                                         "it rained all day in {city}",
                                         "{person} told a joke about {topic}",
                                         "we need more {drink} and {food}",
                                         "somebody left a {colour} {thing} in the {room}",
                                         "the bus was full today",
                                         "{number} people came to {topic}",
                                         "{song} was on the radio at {time}",
                                         "thanks for the {food}, {person}",
                                         "see you all on {day}",
                                         "the {room} smells of {food}",
                                         "my {thing} is broken",
                                         "{person} and {person} played cards",
                                         "no idea what happened at the {place}",
                                         "the lift is stuck again",
                                         "I dreamt of a {colour} {pet}",
                                         "who took my {drink}?",
                                         "{person} passed the exam",
                                         "there is a market in {city}",
                                         "we painted the {room} {colour}"};

struct Fact {
  const Attribute* attribute;
  std::string person;
  std::string value;
};

std::string Fill(std::string_view text, const Fact& fact) {
  std::string filled(text);
  for (const auto& [slot, with] : {std::pair("{P}", fact.person), std::pair("{V}", fact.value)}) {
    filled = ReplaceSlot(filled, slot, with);
  }
  return filled;
}

// Several attributes of a few people, so that neither the person nor the attribute is enough.
std::vector<Fact> DrawFacts(Scene& scene, const Allowed& allowed, const Extent& extent,
                            Random& random) {
  std::vector<std::string_view> people(People().begin(), People().end());
  random.Shuffle(people);
  people.resize(extent.Of(random.Between(3, kMostPeople), 1));
  std::vector<const Attribute*> attributes;
  for (const Attribute& attribute : kAttributes) attributes.push_back(&attribute);
  random.Shuffle(attributes);
  attributes.resize(extent.Of(random.Between(3, 5), 2));
  std::vector<Fact> facts;
  for (const std::string_view person : people) {
    for (const Attribute* attribute : attributes) {
      if (random.Chance(0.25)) continue;
      const auto draw = [&] {
        return Fact{attribute, std::string(person), Word(attribute->value, random)};
      };
      const auto fact = TryDrawAllowed(scene, allowed, draw, [](const Fact& drawn) {
        return StrCat(drawn.person, "|", Alternatives(drawn.attribute->statements).front(), "|",
                      drawn.value);
      });
      if (fact && fact->value != fact->person) facts.push_back(*fact);
    }
  }
  random.Shuffle(facts);
  return facts;
}

Line Tell(std::string_view text, uint32_t fact, bool chat, Random& random) {
  Line line;
  if (chat) line.Add(StrCat(random.Pick(People()), ":"));
  return line.Add(text, fact);
}

Question AskFor(const std::vector<Fact>& facts, size_t index, Random& random) {
  const Fact& right = facts[index];
  std::vector<std::string> near;
  std::vector<std::string> far;
  for (const Fact& fact : facts) {
    if (fact.attribute->value == right.attribute->value) near.push_back(fact.value);
  }
  while (far.size() < 4 * kOptions) far.push_back(Word(right.attribute->value, random));
  Question question;
  question.text = Fill(random.Pick(Alternatives(right.attribute->questions)), right);
  question.answer = right.value;
  question.options = MixOptions(right.value, near, far, kOptions, random);
  question.facts = {static_cast<uint32_t>(index)};
  question.difficulty = static_cast<double>(facts.size()) / (kMostPeople * 5);
  return question;
}

}  // namespace

Scene MakeFactScene(Random& random, const Allowed& allowed, const Extent& extent) {
  Scene scene;
  scene.instructions = random.Pick(kInstructions);
  std::vector<Fact> facts;
  while (facts.size() < extent.Of(kOptions, 1)) {
    scene.combinations.clear();
    facts = DrawFacts(scene, allowed, extent, random);
  }
  const bool chat = random.Chance(0.5);
  for (uint32_t i = 0; i < facts.size(); ++i) {
    const auto statements = Alternatives(facts[i].attribute->statements);
    const std::string_view statement =
        random.Chance(0.4) ? statements.front() : random.Pick(statements);
    scene.lines.push_back(Tell(Fill(statement, facts[i]), i, chat, random));
    if (random.Chance(0.35)) {
      scene.lines.push_back(
          Tell(FillSlots(random.Pick(kChatter), random), Line::kNoFact, chat, random));
    }
  }
  for (const uint32_t subject : DrawSubjects(facts.size(), extent, random)) {
    BeginWording(extent, random);
    scene.questions.push_back(AskFor(facts, subject, random));
  }
  return scene;
}

}  // namespace elm::pocket
