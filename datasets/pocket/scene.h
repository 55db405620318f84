// What a family makes: one context and questions about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datasets/pocket/random.h"
#include "datasets/pocket/world.h"

namespace elm::pocket {

// One part of a context, word by word; a word may carry a fact that questions ask for.
class Line {
 public:
  static constexpr uint32_t kNoFact = UINT32_MAX;

  Line& Add(std::string_view text, uint32_t fact = kNoFact);

  std::string Text() const;
  // Which words carry one of `facts`.
  std::vector<uint32_t> WordsOf(const std::vector<uint32_t>& facts) const;

 private:
  std::vector<std::string> words_;
  std::vector<uint32_t> facts_;  // per word
};

struct Question {
  std::string text;
  std::vector<std::string> options;  // empty for exact match
  std::string answer;
  std::vector<uint32_t> facts;  // what the answer depends on
  double difficulty = 0;
};

struct Scene {
  std::string instructions;
  std::vector<Line> lines;
  std::vector<Question> questions;
  // Entities that occur together, "camera|Zentro": each belongs to one split for ever.
  std::vector<std::string> combinations;
};

// Which combinations of entities a split may use: 1 in 20 is for validation, 1 in 20 for tests.
class Allowed {
 public:
  explicit Allowed(Split split) : split_(split) {}
  bool operator()(std::string_view combination) const;

 private:
  Split split_;
};

// Draws with `draw` until `combination(value)` is allowed, and notes it in the scene. Nothing when
// that does not happen: a kind with few values may have none in a split.
template <typename Draw, typename Combine>
auto TryDrawAllowed(Scene& scene, const Allowed& allowed, const Draw& draw,
                    const Combine& combination) -> std::optional<decltype(draw())> {
  constexpr int kTries = 200;
  for (int i = 0; i < kTries; ++i) {
    auto value = draw();
    std::string key = combination(value);
    if (!allowed(key)) continue;
    scene.combinations.push_back(std::move(key));
    return value;
  }
  return std::nullopt;
}

// The same for kinds with so many values that some are in every split.
template <typename Draw, typename Combine>
auto DrawAllowed(Scene& scene, const Allowed& allowed, const Draw& draw,
                 const Combine& combination) {
  while (true) {
    if (auto value = TryDrawAllowed(scene, allowed, draw, combination)) return *std::move(value);
  }
}

// `count` options in random order: the answer, then as many of `near` as fit, in random order, then
// of `far`. Texts that were taken already are skipped.
std::vector<std::string> MixOptions(const std::string& answer, std::vector<std::string> near,
                                    std::vector<std::string> far, size_t count, Random& random);

// How large a scene is wanted.
struct Extent {
  uint32_t questions = 1;  // at most
  double size = 1;         // TaskKey::size
  uint32_t wording = 0;    // TaskKey::wording

  // Of `count` things in a full scene, those in this one; at least `fewest`.
  size_t Of(int count, int fewest) const;
};

// What the questions are about: numbers below `count`, in random order, no more than
// extent.questions.
std::vector<uint32_t> DrawSubjects(size_t count, const Extent& extent, Random& random);

// Called when it is settled what is asked: from here on `random` gives the wording of the question.
void BeginWording(const Extent& extent, Random& random);

// Makes a scene. Whatever the number of questions, context and first question are the same.
using MakeScene = Scene (*)(Random& random, const Allowed& allowed, const Extent& extent);

Scene MakeAppScene(Random& random, const Allowed& allowed, const Extent& extent);
Scene MakeFunctionScene(Random& random, const Allowed& allowed, const Extent& extent);
Scene MakeScreenScene(Random& random, const Allowed& allowed, const Extent& extent);
Scene MakeFactScene(Random& random, const Allowed& allowed, const Extent& extent);
Scene MakeReplyScene(Random& random, const Allowed& allowed, const Extent& extent);
Scene MakeContinueScene(Random& random, const Allowed& allowed, const Extent& extent);

}  // namespace elm::pocket
