#include <algorithm>
#include <chrono>
#include <utility>

#include "formats/base/utf8.h"
#include "runtime/engine/sampler.h"
#include "runtime/engine/stop_texts.h"
#include "runtime/engine/utf8_stream.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {
namespace {

using Clock = std::chrono::steady_clock;
using Finish = GenerateResult::Finish;

double Milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

Result<std::vector<uint32_t>> TokenizePrompt(const Tokenizer& tokenizer, std::string_view prompt,
                                             const GenerationConfig& generation, uint32_t context) {
  if (const auto bad = FindInvalidUtf8(prompt)) {
    return InvalidArgument("prompt: byte ", *bad, " is not valid UTF-8");
  }
  std::vector<uint32_t> ids = tokenizer.Encode(prompt);
  if (generation.add_bos && generation.bos_id != layout::kNoToken) {
    ids.insert(ids.begin(), generation.bos_id);
  }
  if (ids.empty()) {
    return InvalidArgument("prompt: empty, and the model has no token to begin a text with");
  }
  if (ids.size() > context) {
    return InvalidArgument("prompt: has ", ids.size(), " tokens, the context holds ", context,
                           "; shorten the prompt");
  }
  return ids;
}

Status ValidateStopTexts(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    if (text.empty()) return InvalidArgument("stop text: empty, expected at least one character");
    if (const auto bad = FindInvalidUtf8(text)) {
      return InvalidArgument("stop text: byte ", *bad, " is not valid UTF-8");
    }
  }
  return Status::Ok();
}

// When tokens appeared.
class TokenClock {
 public:
  explicit TokenClock(Clock::time_point start) : start_(start) {}

  void Mark() {
    last_ = Clock::now();
    if (tokens_++ == 0) first_ = last_;
  }
  double ttft_ms() const { return tokens_ == 0 ? 0 : Milliseconds(first_ - start_); }
  double tpot_ms() const { return tokens_ < 2 ? 0 : Milliseconds(last_ - first_) / (tokens_ - 1); }

 private:
  Clock::time_point start_;
  Clock::time_point first_;
  Clock::time_point last_;
  uint32_t tokens_ = 0;
};

// Turns ids into text as they come and hands it out.
class TextWriter {
 public:
  // `starts_text`: nothing stands before the first id, so the space that SentencePiece puts in
  // front of every text is taken away from it.
  TextWriter(const Tokenizer& tokenizer, bool starts_text, std::vector<std::string> stop_texts,
             const TextSink& sink)
      : tokenizer_(tokenizer),
        starts_text_(starts_text),
        sink_(sink),
        stop_texts_(std::move(stop_texts)) {}

  // False when the sink wants no more.
  bool Write(uint32_t id) { return Send(stop_texts_.Push(stream_.Push(TextOf(id)))); }
  // No token follows; false as above.
  bool Finish() {
    const std::string_view rest = stop_texts_.Finish();
    return rest.empty() || Send(rest);
  }

  // Whether a stop text has come.
  bool stopped() const { return stop_texts_.stopped(); }
  std::string TakeText() { return std::move(text_); }

 private:
  bool Send(std::string_view text) {
    text_ += text;
    return !sink_ || sink_(text);
  }

  std::string TextOf(uint32_t id) {
    std::string piece = tokenizer_.Piece(id);
    if (starts_text_ && piece.starts_with(' ')) piece = tokenizer_.Decode({&id, 1});
    if (!piece.empty()) starts_text_ = false;
    return piece;
  }

  const Tokenizer& tokenizer_;
  bool starts_text_;
  const TextSink& sink_;
  Utf8Stream stream_;
  StopTexts stop_texts_;
  std::string text_;
};

bool Contains(const std::vector<uint32_t>& ids, uint32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

// Draws tokens from a session that has seen the prompt until something ends the answer.
Result<Finish> Decode(Session& session, const GenerateOptions& options, TokenClock& clock,
                      TextWriter& writer, std::vector<uint32_t>& ids) {
  const GenerationConfig& generation = session.model().bundle().view().generation;
  Sampler sampler(options.sampling, session.model().config().vocab);
  while (ids.size() < options.max_tokens) {
    const uint32_t id = sampler.Next(session.logits());
    clock.Mark();
    if (!options.ignore_stop && Contains(generation.stop_ids, id)) return Finish::kStop;
    ids.push_back(id);
    if (!writer.Write(id)) return Finish::kCancelled;
    if (writer.stopped()) return Finish::kStop;
    if (ids.size() == options.max_tokens) break;
    if (session.position() == session.context()) return Finish::kContext;
    ELM_RETURN_IF_ERROR(session.Append({&id, 1}));
  }
  return Finish::kLength;
}

}  // namespace

const char* FinishName(GenerateResult::Finish finish) {
  switch (finish) {
    case Finish::kLength:
      return "length";
    case Finish::kStop:
      return "stop";
    case Finish::kContext:
      return "context";
    case Finish::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

Result<GenerateResult> Generate(Session& session, std::string_view prompt,
                                const GenerateOptions& options, const TextSink& sink) {
  const Clock::time_point start = Clock::now();
  ELM_RETURN_IF_ERROR(Validate(options.sampling));
  ELM_RETURN_IF_ERROR(ValidateStopTexts(options.stop_texts));
  const Model& model = session.model();
  ELM_ASSIGN_OR_RETURN(const Tokenizer* tokenizer, model.tokenizer());
  GenerateResult result;
  ELM_ASSIGN_OR_RETURN(
      result.prompt_ids,
      TokenizePrompt(*tokenizer, prompt, model.bundle().view().generation, session.context()));
  result.tokenize_ms = Milliseconds(Clock::now() - start);

  session.Reset();
  ELM_RETURN_IF_ERROR(session.Append(result.prompt_ids));
  result.ids.reserve(std::min(options.max_tokens, session.context()));
  TokenClock clock(start);
  TextWriter writer(*tokenizer, prompt.empty(), options.stop_texts, sink);
  ELM_ASSIGN_OR_RETURN(result.finish, Decode(session, options, clock, writer, result.ids));
  if (result.finish != Finish::kCancelled && !writer.Finish()) result.finish = Finish::kCancelled;
  result.text = writer.TakeText();
  result.ttft_ms = clock.ttft_ms();
  result.tpot_ms = clock.tpot_ms();
  return result;
}

}  // namespace elm
