// Which of four replies fits one message of a chat?
#include <algorithm>
#include <string>
#include <vector>

#include "datasets/pocket/scene.h"
#include "datasets/pocket/words.h"
#include "formats/base/status.h"

namespace elm::pocket {
namespace {

constexpr size_t kOptions = 4;
constexpr int kFewestMessages = 4;
constexpr int kMostMessages = 9;

constexpr std::string_view kInstructions[] = {"Choose the reply that fits.",
                                              "Messages of today:", "Help me to answer.",
                                              "A group chat:", "Suggest a reply."};
constexpr std::string_view kQuestions[] = {"What do I reply to {P}?", "Which reply fits {P}?",
                                           "Answer {P}.",
                                           "How should I answer the message of {P}?"};
// Questions that quote the message {M}: what remains is to know what fits it.
constexpr std::string_view kQuoting[] = {"{P} writes: '{M}' What do I reply?",
                                         "Which reply fits '{M}'?",
                                         "Just now {P} wrote '{M}' Suggest an answer."};
constexpr double kQuoted = 0.15;

// {V} is a word of the kind `value` that message and reply share; a reply with another {V} is
// wrong.
struct Intent {
  std::string_view value;
  std::string_view messages;
  std::string_view replies;
};
constexpr Intent kIntents[] = {
    {"time", "can we meet at {V}?|does {V} suit you?|shall we say {V}?|I could come at {V}",
     "Yes, {V} is fine.|{V} works for me.|Good, see you at {V}."},
    {"place", "where do we meet, at the {V}?|I will wait at the {V}|come to the {V}, please",
     "I will be at the {V}.|The {V} is fine with me.|On my way to the {V}."},
    {"day", "are you free on {V}?|any plans for {V}?|how about {V}?",
     "{V} is good.|I have time on {V}.|Let us do it on {V}."},
    {"food", "I could cook {V} tonight|do you like {V}?|there is {V} for dinner",
     "I love {V}!|Mmm, {V} sounds great.|Keep some {V} for me."},
    {"drink", "shall I bring {V}?|we are out of {V}|do you want some {V}?",
     "Some {V} would be nice.|I will buy {V}.|Yes, {V} please."},
    {"city", "we are flying to {V} in spring|have you ever been to {V}?|I got a job in {V}",
     "{V} must be beautiful!|I always wanted to see {V}.|Send me a card from {V}."},
    {"pet", "our {V} had babies|look at my new {V}|the {V} is ill",
     "Give the {V} a kiss from me.|I hope the {V} is well.|What is the {V} called?"},
    {"thing", "have you seen my {V}?|I lost my {V}|where did I leave the {V}?",
     "I have not seen your {V}.|Your {V} is with me.|Look for the {V} in the car."},
    {"thing", "may I borrow your {V}?|could you lend me the {V}?|I need a {V} for two days",
     "You can have my {V}.|I will lend you the {V}.|Take the {V} whenever you like."},
    {"song", "do you know {V}?|they just played {V}|I cannot stop listening to {V}",
     "{V} is my favourite too.|I will listen to {V} tonight.|Turn up {V}!"},
    {"topic", "what do you think about {V}?|we must talk about {V}|any news about {V}?",
     "Let us discuss {V} tomorrow.|I know nothing about {V} yet.|I will call you about {V}."},
    {"room", "I am cleaning the {V}|the {V} is a mess|who used the {V}?",
     "I will help you with the {V}.|Sorry, the {V} was me.|Leave the {V} to me."},
    {"number", "I need {V} euros|can you lend me {V} euros?|the tickets cost {V} euros",
     "I will send you the {V} euros.|{V} euros is fine.|Here are the {V} euros."},
    {"number", "we are {V} people on the trip|{V} guests said yes|I counted {V} chairs",
     "Then I will plan for {V}.|{V} is more than I thought.|Good, {V} it is."},
    {"colour", "should I paint it {V}?|I bought a {V} dress|is {V} too bright?",
     "{V} suits you.|I like {V} a lot.|Go for {V}."},
    {"date", "the wedding is on {V}|save the {V}|we move on {V}",
     "I noted the {V}.|I will keep the {V} free.|I shall be there on {V}."},
    {"", "happy birthday!|all the best for your new year of life!|many happy returns!",
     "Thank you for the wishes!|How kind that you thought of it!|Thanks, come and have some cake!"},
    {"", "I passed my exam!|I got the job!|we won the cup!",
     "Congratulations!|Well done, I am proud of you!|That must be celebrated!"},
    {"", "I am ill in bed|my head hurts|I have a fever since last night",
     "Get well soon!|Stay in bed and drink a lot.|Poor you, rest now."},
    {"", "my grandfather died|our old dog is gone|we lost a dear friend",
     "I am so sorry.|My thoughts are with you.|That is very sad."},
    {"", "I will be late|the train is stuck|I am in a traffic jam",
     "No problem, I will wait.|Take your time.|We start without you then."},
    {"", "are you home?|where are you?|are you still at work?",
     "I am nearly there.|Still in the office.|Just came home."},
    {"", "good night|sleep well|I am off to bed",
     "Good night to you too!|Sweet dreams!|Sleep tight."},
    {"", "good morning!|rise and shine!|are you up already?",
     "Good morning!|Not awake yet.|Morning, I need coffee."},
    {"", "thank you for your help|thanks a lot for yesterday|you saved my day",
     "You are welcome.|Do not mention it.|Glad that I could help."},
    {"", "sorry for what I said|please forgive me|I did not mean to hurt you",
     "All is forgiven.|Do not worry about it.|Let us forget it."},
    {"", "did you get my mail?|have you read the report?|the file should be in your inbox",
     "Yes, it has arrived.|I will read it tonight.|Nothing came, send it again."},
    {"", "call me when you can|we need to speak|ring me back",
     "I will call you in a minute.|Can I ring you later?|Calling you now."},
    {"", "do you want to dance with us?|come to the party!|we have a free ticket for the concert",
     "I would love to come!|Count me in.|Sadly I cannot come."},
    {"", "the internet is down|my laptop is broken|the printer does not print",
     "Switch it off and on again.|I will have a look at it.|Call the repair service."},
    {"", "how did the interview go?|how was the test?|did the talk go well?",
     "It went very well.|It was harder than I thought.|I will know more next week."},
    {"", "is it raining there?|how is the weather?|do I need a coat?",
     "The sun is shining here.|It is pouring.|Bring something warm."},
    {"",
     "can you feed the children?|could you pick up the kids?|who takes the little ones to school?",
     "I will fetch the children.|The kids are with me.|Leave the kids to me."},
    {"", "your music is too loud|please be quiet, the baby sleeps|could you turn it down?",
     "Sorry, I will turn it down.|I did not notice, it is off now.|We will be quiet."},
    {"", "what shall we watch?|any film for tonight?|is there something good on?",
     "Let us watch a comedy.|I would like a thriller.|You choose the film."},
    {"", "I am at the door|open up!|the bell does not work",
     "Coming down to open.|The door is not locked.|One second, I am on the stairs."},
    {"", "who won the match?|what is the score?|did our team play?",
     "We lost by one goal.|It was a draw.|We won in the last minute."},
    {"", "I do not understand the homework|this exercise is too hard|can you explain the sum?",
     "I will explain it to you.|Show me the exercise.|Look at page ten again."},
};

struct Message {
  const Intent* intent;
  std::string person;
  std::string value;
  std::string text;
};

std::string ReplyTo(const Intent& intent, const std::string& value, Random& random) {
  return Capitalised(ReplaceSlot(random.Pick(Alternatives(intent.replies)), "{V}", value));
}

Message DrawMessage(const Intent& intent, std::string_view person, Random& random) {
  Message message{&intent, std::string(person), "", ""};
  if (!intent.value.empty()) message.value = Word(intent.value, random);
  message.text = ReplaceSlot(random.Pick(Alternatives(intent.messages)), "{V}", message.value);
  return message;
}

// One message of each person, no intent twice.
std::vector<Message> DrawMessages(Scene& scene, const Allowed& allowed, size_t count,
                                  Random& random) {
  std::vector<std::string_view> people(People().begin(), People().end());
  random.Shuffle(people);
  std::vector<const Intent*> intents;
  for (const Intent& intent : kIntents) intents.push_back(&intent);
  random.Shuffle(intents);
  std::vector<Message> messages;
  for (size_t i = 0; messages.size() < count; ++i) {
    const Intent& intent = *intents[i % intents.size()];
    const std::string_view person = people[i % people.size()];
    const auto message = TryDrawAllowed(
        scene, allowed, [&] { return DrawMessage(intent, person, random); },
        [](const Message& drawn) { return StrCat(drawn.person, "|", drawn.text); });
    if (message) messages.push_back(*message);
  }
  return messages;
}

Question AskFor(const std::vector<Message>& messages, size_t index, Random& random) {
  const Message& right = messages[index];
  Question question;
  const bool quotes = random.Chance(kQuoted);
  const std::string_view pattern = quotes ? random.Pick(kQuoting) : random.Pick(kQuestions);
  question.text = ReplaceSlot(ReplaceSlot(pattern, "{P}", right.person), "{M}", right.text);
  question.answer = ReplyTo(*right.intent, right.value, random);
  std::vector<std::string> wrong;
  if (!right.value.empty() && random.Chance(0.5)) {  // right in kind, wrong in detail
    std::string other = right.value;
    while (other == right.value) other = Word(right.intent->value, random);
    wrong.push_back(ReplyTo(*right.intent, other, random));
  }
  std::vector<std::string> others;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (i != index) others.push_back(ReplyTo(*messages[i].intent, messages[i].value, random));
  }
  question.options = MixOptions(question.answer, wrong, others, kOptions, random);
  question.facts = {static_cast<uint32_t>(index)};
  question.difficulty = static_cast<double>(messages.size()) / kMostMessages;
  return question;
}

}  // namespace

Scene MakeReplyScene(Random& random, const Allowed& allowed, const Extent& extent) {
  Scene scene;
  scene.instructions = random.Pick(kInstructions);
  const auto count = extent.Of(random.Between(kFewestMessages, kMostMessages), 2);
  const std::vector<Message> messages = DrawMessages(scene, allowed, count, random);
  const bool clock = random.Chance(0.4);
  for (uint32_t i = 0; i < count; ++i) {
    Line line;
    if (clock) line.Add(Word("time", random));
    line.Add(StrCat(messages[i].person, ":"), i).Add(messages[i].text, i);
    scene.lines.push_back(std::move(line));
  }
  for (const uint32_t subject : DrawSubjects(count, extent, random)) {
    BeginWording(extent, random);
    scene.questions.push_back(AskFor(messages, subject, random));
  }
  return scene;
}

}  // namespace elm::pocket
