// Shortens the context of a prompt to a budget of LLM tokens by leaving out words.
//
// Words are kept whole, in their order, by score; everything that is no context comes out byte for
// byte. No text is cut inside a word, so valid UTF-8 stays valid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/tlm/context_words.h"
#include "runtime/tlm/prompt_parts.h"

namespace elm {

// What compression needs of the LLM's tokenizer.
class TokenCounter {
 public:
  virtual ~TokenCounter() = default;
  // Tokens of a whole prompt, with the one in front of every text where there is such.
  virtual size_t Count(std::string_view prompt) const = 0;
  // Where in `text` each of its tokens ends, in bytes, ascending. May be off by some where the
  // tokenizer rewrites text: it only tells where to look first.
  virtual std::vector<uint32_t> TokenEnds(std::string_view text) const = 0;
};

// floor(permille / 1000 * tokens): what prompt level `permille` may have of a prompt of `tokens`.
size_t PromptBudget(uint32_t permille, size_t tokens);

struct Compressed {
  std::vector<PromptPart> parts;  // as asked, contexts shortened
  std::string prompt;             // rendered
  std::vector<uint8_t> kept;      // per word, 1 or 0
  size_t tokens = 0;              // of `prompt`
  size_t full_tokens = 0;         // of the full prompt
  size_t protected_tokens = 0;    // of the prompt without any context
  // The protected parts alone exceed the budget: no context is kept, and the prompt is longer than
  // asked for.
  bool protected_exceed = false;
  uint32_t counts = 0;  // how many prompts were tokenised for it

  // Kept tokens of all tokens; of the context's alone (1 where there is no context).
  double prompt_fraction() const;
  double context_fraction() const;
};

// Makes shortened prompts of one request, for any number of budgets.
class Compressor {
 public:
  // `full_tokens`: of the full prompt, as `counter` counts. Tokenises the prompt without its
  // context and the context. All must outlive this.
  Compressor(const PromptTemplate& prompt, std::span<const PromptPart> parts,
             const ContextWords& words, const TokenCounter& counter, size_t full_tokens);

  size_t full_tokens() const { return full_tokens_; }
  size_t protected_tokens() const { return protected_tokens_; }

  // Takes units by the mean score of their words (forced ones first, equal ones in their order)
  // until the next one would break the budget: the result lies within it, and misses it by less
  // than that one unit. Units that would fit no such budget even alone are passed over. A full
  // prompt within the budget comes back as it is; `scores`, one for each word, are not looked at
  // then.
  //
  // Expected time is linear in the text; two or three texts of about the budget are tokenised,
  // seldom more and never more than kMostCounts: where that many
  // were not enough (a budget of a few tokens and many units that are larger), what was best so far
  // is taken.
  Compressed Shorten(std::span<const float> scores, size_t budget_tokens) const;

  static constexpr uint32_t kMostCounts = 16;

 private:
  Compressed Keep(std::vector<uint8_t> kept) const;

  const PromptTemplate& prompt_;
  std::span<const PromptPart> parts_;
  const ContextWords& words_;
  const TokenCounter& counter_;
  size_t full_tokens_;
  size_t protected_tokens_;
  std::vector<uint32_t> unit_costs_;  // LLM tokens, estimated
};

}  // namespace elm
