#include "runtime/orchestrator/llm.h"

#include <algorithm>

namespace elm {
namespace {

class SessionLlm : public Llm {
 public:
  SessionLlm(Session& session, const Tokenizer& tokenizer)
      : session_(session), counter_(tokenizer, session.model().bundle().view().generation) {}

  const TokenCounter& counter() const override { return counter_; }
  size_t context() const override { return session_.context(); }
  // A KV cache belongs to the level that wrote it: it is written anew for every request.
  Status SetLevel(uint32_t permille) override {
    return session_.SetLevel(LevelName(permille), Session::OnSwitch::kRebuild);
  }
  Result<GenerateResult> Generate(std::string_view prompt, const GenerateOptions& options,
                                  const TextSink& sink) override {
    return elm::Generate(session_, prompt, options, sink);
  }

 private:
  Session& session_;
  LlmTokenCounter counter_;
};

}  // namespace

LlmTokenCounter::LlmTokenCounter(const Tokenizer& tokenizer, const GenerationConfig& generation)
    : tokenizer_(tokenizer),
      in_front_(generation.add_bos && generation.bos_id != layout::kNoToken ? 1 : 0) {}

size_t LlmTokenCounter::Count(std::string_view prompt) const {
  return in_front_ + tokenizer_.Encode(prompt).size();
}

std::vector<uint32_t> LlmTokenCounter::TokenEnds(std::string_view text) const {
  std::vector<uint32_t> ends;
  size_t written = 0;
  for (const uint32_t id : tokenizer_.Encode(text)) {
    written += tokenizer_.Piece(id).size();
    ends.push_back(static_cast<uint32_t>(written));
  }
  // The pieces may begin with a space that the text does not have, and a tokenizer that rewrites
  // text makes it longer or shorter.
  const size_t in_front = written == text.size() + 1 ? 1 : 0;
  const bool rewritten = written != text.size() + in_front;
  for (uint32_t& end : ends) {
    end -= static_cast<uint32_t>(std::min<size_t>(in_front, end));
    if (rewritten) end = static_cast<uint32_t>(uint64_t{end} * text.size() / written);
  }
  return ends;
}

Result<std::unique_ptr<Llm>> MakeSessionLlm(Session& session) {
  ELM_ASSIGN_OR_RETURN(const Tokenizer* tokenizer, session.model().tokenizer());
  return std::unique_ptr<Llm>(std::make_unique<SessionLlm>(session, *tokenizer));
}

}  // namespace elm
