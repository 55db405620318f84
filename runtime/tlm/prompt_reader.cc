#include "runtime/tlm/prompt_reader.h"

#include <utility>

namespace elm {
namespace {

class TinyLmReader : public PromptReader {
 public:
  explicit TinyLmReader(std::unique_ptr<TinyLm> tiny_lm) : tiny_lm_(std::move(tiny_lm)) {}

  const TlmSettings& settings() const override { return tiny_lm_->settings(); }

  Result<TlmAnswer> Read(const TlmQuestion& question) override { return tiny_lm_->Read(question); }

  size_t CountTokens(const TlmQuestion& question) const override {
    const TlmInput input = MakeTlmInput(settings(), tiny_lm_->tokenizer(), question);
    size_t tokens = 0;
    for (const TlmWindow& window : input.windows) tokens += window.ids.size();
    return tokens;
  }

 private:
  std::unique_ptr<TinyLm> tiny_lm_;
};

}  // namespace

std::unique_ptr<PromptReader> MakePromptReader(std::unique_ptr<TinyLm> tiny_lm) {
  return std::make_unique<TinyLmReader>(std::move(tiny_lm));
}

}  // namespace elm
