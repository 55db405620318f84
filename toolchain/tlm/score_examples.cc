#include "toolchain/tlm/score_examples.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "toolchain/base/error.h"

namespace elm {
namespace {

// For each piece the word that it begins in; words.size() for none.
std::vector<size_t> WordOfPieces(std::span<const TextSpan> words,
                                 std::span<const TextSpan> pieces) {
  std::vector<size_t> word_of(pieces.size(), words.size());
  size_t word = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    while (word < words.size() && words[word].end <= pieces[i].begin) ++word;
    if (word < words.size() && words[word].begin <= pieces[i].begin) word_of[i] = word;
  }
  return word_of;
}

constexpr float kBesideTheAnswer = 0.7F;

// A word in lower case without punctuation at its ends.
std::string Bare(std::string_view word) {
  const auto is_mark = [](char c) { return std::ispunct(static_cast<unsigned char>(c)) != 0; };
  while (!word.empty() && is_mark(word.front())) word.remove_prefix(1);
  while (!word.empty() && is_mark(word.back())) word.remove_suffix(1);
  std::string bare(word);
  for (char& c : bare) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return bare;
}

std::vector<std::string> BareWords(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : SplitWords(text)) words.push_back(Bare(word));
  return words;
}

}  // namespace

std::vector<float> EvidenceTargets(const Task& task) {
  const std::vector<std::string> answer = BareWords(task.answer);
  std::vector<float> targets;
  size_t parts = 0;
  for (const std::string& part : task.context) {
    const std::vector<std::string> words = BareWords(part);
    std::vector<float> of_part(words.size(), 0);
    const auto found = std::search(words.begin(), words.end(), answer.begin(), answer.end());
    if (found != words.end() && !answer.empty()) {
      ++parts;
      std::fill(of_part.begin(), of_part.end(), kBesideTheAnswer);
      std::fill_n(of_part.begin() + (found - words.begin()), answer.size(), 1.0F);
    }
    targets.insert(targets.end(), of_part.begin(), of_part.end());
  }
  if (parts == 0 || parts == task.context.size()) return {};
  return targets;
}

std::string TlmContext(const Task& task) {
  std::string text;
  for (const std::string& part : task.context) {
    if (part.empty()) continue;
    if (!text.empty()) text += '\n';
    text += part;
  }
  return text;
}

std::vector<float> RetainTargets(std::span<const float> saliency) {
  std::vector<float> targets(saliency.size(), 0);
  if (saliency.empty()) return targets;
  const float highest = *std::max_element(saliency.begin(), saliency.end());
  if (!(highest > 0)) return targets;
  for (size_t i = 0; i < saliency.size(); ++i) {
    targets[i] = std::sqrt(std::max(saliency[i], 0.0F) / highest);
  }
  return targets;
}

std::vector<ScoreExample> MakeScoreExamples(const TlmSettings& settings,
                                            const WordPieceTokenizer& tokenizer,
                                            std::string_view question, std::string_view context,
                                            std::span<const float> targets) {
  const std::vector<TextSpan> words = WordSpans(context);
  if (words.size() != targets.size()) {
    throw Error(
        InvalidArgument("a context of ", words.size(), " words has ", targets.size(), " targets"));
  }
  TlmInput input = MakeTlmInput(settings, tokenizer, {.question = question, .context = context});
  const std::vector<size_t> word_of = WordOfPieces(words, input.context.spans);
  std::vector<ScoreExample> examples;
  for (TlmWindow& window : input.windows) {
    ScoreExample example;
    const size_t pieces = window.ids.size() - window.header;
    for (size_t i = 0; i < pieces; ++i) {
      const size_t word = word_of[window.first_piece + i];
      example.targets.push_back(word < words.size() ? targets[word] : 0);
    }
    example.window = std::move(window);
    if (pieces > 0) examples.push_back(std::move(example));
  }
  return examples;
}

std::vector<TextSpan> WordSpans(std::string_view text) {
  std::vector<TextSpan> spans;
  for (const std::string_view word : SplitWords(text)) {
    const auto begin = static_cast<uint32_t>(word.data() - text.data());
    spans.push_back({begin, begin + static_cast<uint32_t>(word.size())});
  }
  return spans;
}

std::vector<float> MeanOverPieces(std::span<const TextSpan> words, std::span<const TextSpan> pieces,
                                  std::span<const float> scores) {
  const std::vector<size_t> word_of = WordOfPieces(words, pieces);
  std::vector<float> sums(words.size() + 1, 0);
  std::vector<float> counts(words.size() + 1, 0);
  for (size_t i = 0; i < pieces.size(); ++i) {
    sums[word_of[i]] += scores[i];
    counts[word_of[i]] += 1;
  }
  sums.pop_back();
  for (size_t word = 0; word < sums.size(); ++word) {
    if (counts[word] > 0) sums[word] /= counts[word];
  }
  return sums;
}

}  // namespace elm
