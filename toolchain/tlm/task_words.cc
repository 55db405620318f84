#include "toolchain/tlm/task_words.h"

#include <algorithm>
#include <numeric>

#include "datasets/prompt.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

bool IsBlank(char byte) { return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r'; }

// A byte of the prompt that is no blank, and the word of the context that it stands in.
struct InkByte {
  char byte;
  uint32_t word;
};

void AppendText(std::string_view text, std::vector<InkByte>& ink) {
  for (const char byte : text) {
    if (!IsBlank(byte)) ink.push_back({byte, kNoWord});
  }
}

std::vector<InkByte> InkOf(const Task& task) {
  std::vector<InkByte> ink;
  AppendText(task.instructions, ink);
  uint32_t word = 0;
  for (const std::string& part : task.context) {
    for (const std::string_view text : SplitWords(part)) {
      for (const char byte : text) {
        if (!IsBlank(byte)) ink.push_back({byte, word});
      }
      ++word;
    }
  }
  AppendText(QuestionText(task), ink);
  return ink;
}

}  // namespace

size_t CountContextWords(const Task& task) {
  size_t count = 0;
  for (const std::string& part : task.context) count += SplitWords(part).size();
  return count;
}

std::vector<uint32_t> WordsOfTokens(const Task& task, std::span<const uint32_t> ids,
                                    const TokenPiece& piece) {
  const std::vector<InkByte> ink = InkOf(task);
  std::vector<uint32_t> words(ids.size(), kNoWord);
  size_t next = 0;
  for (size_t token = 0; token < ids.size(); ++token) {
    bool first = true;
    for (const char byte : piece(ids[token])) {
      if (IsBlank(byte)) continue;
      if (next == ink.size() || ink[next].byte != byte) {
        throw Error(InvalidArgument(
            "task ", task.id, ": token ", token, " of the prompt (id ", ids[token],
            ") is not the prompt's text; words can only be told apart by a tokenizer that changes ",
            "nothing but blanks"));
      }
      if (first) words[token] = ink[next].word;
      first = false;
      ++next;
    }
  }
  if (next != ink.size()) {
    throw Error(InvalidArgument("task ", task.id, ": the tokens end ", ink.size() - next,
                                " bytes before the prompt does"));
  }
  return words;
}

Task KeepContextWords(const Task& task, std::span<const uint8_t> kept) {
  Task shorter = task;
  size_t word = 0;
  for (std::string& part : shorter.context) {
    std::string text;
    for (const std::string_view each : SplitWords(task.context[&part - shorter.context.data()])) {
      if (kept[word++] == 0) continue;
      if (!text.empty()) text += ' ';
      text += each;
    }
    part = std::move(text);
  }
  shorter.needed_words.clear();  // they counted the words that were there
  return shorter;
}

std::vector<uint8_t> HighestWords(std::span<const float> scores, size_t count) {
  std::vector<uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0U);
  count = std::min(count, order.size());
  std::nth_element(order.begin(), order.begin() + static_cast<ptrdiff_t>(count), order.end(),
                   [&](uint32_t a, uint32_t b) {
                     return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
                   });
  std::vector<uint8_t> kept(scores.size(), 0);
  for (size_t i = 0; i < count; ++i) kept[order[i]] = 1;
  return kept;
}

}  // namespace elm
