// The LLM as the orchestrator sees it: counts tokens, changes its level, answers.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "runtime/include/elm/elm.hpp"
#include "runtime/tlm/compress.h"

namespace elm {

// Counts as Generate() tokenises.
class LlmTokenCounter : public TokenCounter {
 public:
  // Both must outlive this.
  LlmTokenCounter(const Tokenizer& tokenizer, const GenerationConfig& generation);

  size_t Count(std::string_view prompt) const override;
  std::vector<uint32_t> TokenEnds(std::string_view text) const override;

 private:
  const Tokenizer& tokenizer_;
  size_t in_front_;  // tokens in front of every text
};

// An interface, so that decisions can be tested without a model and replayed from a latency table.
class Llm {
 public:
  virtual ~Llm() = default;
  virtual const TokenCounter& counter() const = 0;
  virtual size_t context() const = 0;  // most tokens of prompt and answer
  virtual Status SetLevel(uint32_t permille) = 0;
  // As elm::Generate() does, from an empty KV cache.
  virtual Result<GenerateResult> Generate(std::string_view prompt, const GenerateOptions& options,
                                          const TextSink& sink) = 0;
};

// `session` must outlive it. Fails when the bundle has no tokenizer.
Result<std::unique_ptr<Llm>> MakeSessionLlm(Session& session);

}  // namespace elm
