#include "datasets/pocket/requests.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datasets/pocket/words.h"
#include "formats/base/status.h"

namespace elm::pocket {
namespace {

// Capabilities of one domain in a scene: near misses of each other.
constexpr size_t kNeighbours = 4;
constexpr double kComposed = 0.3;

constexpr std::string_view kOpenings[] = {
    "",         "",           "Please ", "I want to ", "I would like to ", "Can you help me ",
    "Help me ", "I need to ", "Let me ", "Time to ",   "Could you ",       "Hey, "};
constexpr std::string_view kAsides[] = {"",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "It is {day} already. ",
                                        "Listen. ",
                                        "{person} says hello. ",
                                        "I am in the {room}. ",
                                        "One more thing. "};

// Words that begin a question, and nothing else that is in capabilities.cc.
constexpr std::string_view kQuestionWords[] = {"Am",    "Any",   "Can", "Did", "Do",   "Does",
                                               "From",  "Has",   "How", "Is",  "What", "When",
                                               "Where", "Which", "Who", "Why", "Will"};

char EndOf(std::string_view sentence) {
  const std::string_view first = sentence.substr(0, sentence.find(' '));
  const bool asks = std::find(std::begin(kQuestionWords), std::end(kQuestionWords), first) !=
                    std::end(kQuestionWords);
  return asks ? '?' : '.';
}

std::vector<Capability> ComposeCapabilities(size_t count, Random& random) {
  std::vector<Capability> composed;
  std::set<std::string> things;
  while (composed.size() < count) {
    Capability capability = ComposeCapability(random);
    const std::string thing = capability.stem.substr(capability.stem.find('_'));
    if (things.insert(thing).second) composed.push_back(std::move(capability));
  }
  return composed;
}

std::vector<Capability> DrawWrittenCapabilities(size_t count, Random& random) {
  std::vector<const Capability*> all;
  for (const Capability& capability : Capabilities()) all.push_back(&capability);
  random.Shuffle(all);
  const std::string& domain = all.front()->domain;
  std::stable_partition(all.begin(), all.end(),
                        [&](const Capability* each) { return each->domain == domain; });
  const auto others = std::find_if(all.begin(), all.end(),
                                   [&](const Capability* each) { return each->domain != domain; });
  const size_t neighbours =
      std::min<size_t>({kNeighbours, count, static_cast<size_t>(others - all.begin())});
  std::vector<const Capability*> chosen(all.begin(), all.begin() + static_cast<long>(neighbours));
  chosen.insert(chosen.end(), others, others + static_cast<long>(count - neighbours));
  random.Shuffle(chosen);
  std::vector<Capability> drawn;
  for (const Capability* capability : chosen) drawn.push_back(*capability);
  return drawn;
}

}  // namespace

std::vector<Capability> DrawCapabilities(size_t count, Random& random) {
  return random.Chance(kComposed) ? ComposeCapabilities(count, random)
                                  : DrawWrittenCapabilities(count, random);
}

std::string Describe(const Capability& capability, Random& random) {
  return std::string(random.Pick(Alternatives(capability.descriptions)));
}

std::string Ask(const Capability& capability, Random& random) {
  const std::string_view request = random.Pick(Alternatives(capability.requests));
  const std::string aside = FillSlots(random.Pick(kAsides), random);
  if (request.starts_with('!')) {
    const std::string sentence = FillSlots(request.substr(1), random);
    return StrCat(aside, sentence, EndOf(sentence));
  }
  const std::string opening(random.Pick(kOpenings));
  return StrCat(aside, Capitalised(opening + FillSlots(request, random)), ".");
}

}  // namespace elm::pocket
