#include "datasets/pocket/scene.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "formats/base/hash.h"

namespace elm::pocket {

Line& Line::Add(std::string_view text, uint32_t fact) {
  for (const std::string_view word : SplitWords(text)) {
    words_.emplace_back(word);
    facts_.push_back(fact);
  }
  return *this;
}

std::string Line::Text() const {
  std::string text;
  for (const std::string& word : words_) {
    if (!text.empty()) text += ' ';
    text += word;
  }
  return text;
}

std::vector<uint32_t> Line::WordsOf(const std::vector<uint32_t>& facts) const {
  std::vector<uint32_t> words;
  for (uint32_t i = 0; i < facts_.size(); ++i) {
    const bool carries = std::find(facts.begin(), facts.end(), facts_[i]) != facts.end();
    if (facts_[i] != kNoFact && carries) words.push_back(i);
  }
  return words;
}

bool Allowed::operator()(std::string_view combination) const {
  constexpr uint64_t kParts = 20;
  const uint64_t part = Hash64(std::as_bytes(std::span(combination))) % kParts;
  switch (split_) {
    case Split::kValidation:
      return part == 0;
    case Split::kTest:
      return part == 1;
    case Split::kTrain:
      break;
  }
  return part > 1;
}

size_t Extent::Of(int count, int fewest) const {
  return static_cast<size_t>(std::max<long>(fewest, std::lround(count * size)));
}

std::vector<uint32_t> DrawSubjects(size_t count, const Extent& extent, Random& random) {
  std::vector<uint32_t> subjects(count);
  std::iota(subjects.begin(), subjects.end(), 0U);
  random.Shuffle(subjects);
  subjects.resize(std::min<size_t>(count, extent.questions));
  return subjects;
}

void BeginWording(const Extent& extent, Random& random) {
  if (extent.wording > 0) random = Random(random.Next() ^ extent.wording);
}

std::vector<std::string> MixOptions(const std::string& answer, std::vector<std::string> near,
                                    std::vector<std::string> far, size_t count, Random& random) {
  std::vector<std::string> options = {answer};
  for (std::vector<std::string>* source : {&near, &far}) {
    random.Shuffle(*source);
    for (std::string& text : *source) {
      if (options.size() == count) break;
      if (std::find(options.begin(), options.end(), text) == options.end()) {
        options.push_back(std::move(text));
      }
    }
  }
  random.Shuffle(options);
  return options;
}

}  // namespace elm::pocket
