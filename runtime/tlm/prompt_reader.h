// The door to the tiny LM: what decisions and compression need of it.
//
// An interface, so that both can be tested without a tiny LM.
#pragma once

#include <cstddef>
#include <memory>

#include "runtime/tlm/tiny_lm.h"

namespace elm {

class PromptReader {
 public:
  virtual ~PromptReader() = default;
  virtual const TlmSettings& settings() const = 0;
  // Scores of words and both decisions.
  virtual Result<TlmAnswer> Read(const TlmQuestion& question) = 0;
  // Tokens that Read() would run through the tiny LM, over all windows; found without running it.
  virtual size_t CountTokens(const TlmQuestion& question) const = 0;
};

std::unique_ptr<PromptReader> MakePromptReader(std::unique_ptr<TinyLm> tiny_lm);

}  // namespace elm
