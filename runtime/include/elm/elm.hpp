// The C++ API of the elm runtime: Bundle -> Model -> Session.
//
//   ELM_ASSIGN_OR_RETURN(auto model, elm::Model::Load("model.elm"));
//   ELM_ASSIGN_OR_RETURN(auto session, elm::Session::Create(model, {.level = "0.5"}));
//   ELM_ASSIGN_OR_RETURN(auto result, elm::Generate(*session, "Once upon", {.max_tokens = 64}));
//
// A Model is immutable and may be shared by threads and sessions; a Session belongs to one thread
// at a time and owns all that changes: level, KV cache, scratch, random numbers. Nothing throws or
// prints.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/status.h"
#include "formats/elm/bundle.h"
#include "runtime/kernels/kv_layout.h"

namespace elm {

// Text <-> token ids, by the SentencePiece model in the bundle. Thread-safe.
class Tokenizer {
 public:
  // `model` is a serialised SentencePiece model; it is copied.
  static Result<std::unique_ptr<const Tokenizer>> Load(std::string_view model);
  ~Tokenizer();

  // Ids of `text`, with nothing added in front or behind.
  std::vector<uint32_t> Encode(std::string_view text) const;
  // The text of a sequence of ids.
  std::string Decode(std::span<const uint32_t> ids) const;
  // What `id` appends to a text that already stands, byte for byte: one byte of a character for a
  // byte piece, a leading space where the piece has one, nothing for control pieces and ids out of
  // range.
  std::string Piece(uint32_t id) const;

  uint32_t size() const;
  // layout::kNoToken where the model has none.
  uint32_t bos_id() const;
  uint32_t eos_id() const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The weights of a bundle as views, level by level. Loading copies no weight unless told to.
class Model {
 public:
  struct Options {
    bool verify_weights = false;  // read and check every byte first (`elm run --check`)
    // Read the whole file into memory instead of mapping it (`elm run --no-mmap`): for file systems
    // that cannot map, and faster where the system has huge pages for copies only. Takes the memory
    // of all levels, whichever is used.
    bool copy_weights = false;
  };
  static Result<std::shared_ptr<const Model>> Load(const std::string& path, const Options& options);
  static Result<std::shared_ptr<const Model>> Load(const std::string& path) {
    return Load(path, Options());
  }
  static Result<std::shared_ptr<const Model>> FromBundle(std::shared_ptr<const Bundle> bundle);
  ~Model();

  const Bundle& bundle() const;
  const ModelConfig& config() const;
  const LevelTable& levels() const;
  // Parsed on first use (a vocabulary of 32 thousand pieces takes longer than the rest of loading).
  // Fails when the bundle carries none or a broken one.
  Result<const Tokenizer*> tokenizer() const;

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// One conversation: a level, a KV cache, the position in it.
class Session {
 public:
  struct Options {
    std::string level = "1.0";
    uint32_t context = 0;      // most tokens held; 0 is the model's own limit
    KvType kv = KvType::kF16;  // f32 takes twice the memory and rounds nothing; q8 takes half
    bool adapters = true;      // use the adapter of each level that has one
    uint32_t threads =
        0;  // the caller's own included; 0: one for each core, which is also the most
  };
  static Result<std::unique_ptr<Session>> Create(std::shared_ptr<const Model> model,
                                                 const Options& options);
  ~Session();

  const Model& model() const;

  // What a switch does to the KV cache, which belongs to the level that wrote it.
  enum class OnSwitch {
    kRebuild,  // empties it: what follows is exact
    // Keeps it, and the logits: approximate, since the tokens so far were read by the level before.
    // Downwards only, where the heads that the new level keeps have been written.
    kKeep,
  };
  // Selects a row of the level table: no weight moves and nothing is allocated. The level that is
  // already selected changes nothing. Fails, changing nothing, when there is no such level or
  // kKeep is asked for a level above the current one.
  Status SetLevel(std::string_view name, OnSwitch on_switch = OnSwitch::kRebuild);
  size_t level() const;  // index into model().levels().levels

  // Forgets all tokens.
  void Reset();

  // Whether the levels that have an adapter use it from now on (Options::adapters to begin with);
  // forgets all tokens. Nothing is allocated.
  void UseAdapters(bool use);

  // Forgets the tokens behind the first `position`, so that another continuation can follow them;
  // moves nothing. logits() are empty until the next Append or Score. Fails, changing nothing, when
  // fewer tokens are held.
  Status Rewind(uint32_t position);
  uint32_t position() const;  // tokens in the KV cache
  uint32_t context() const;   // most tokens it can hold

  // Gives memory back that comes back when it is needed: weights that were read, scratch, and the
  // KV cache behind position(). For a system that runs short, as Android's onTrimMemory() says. The
  // weights are those of the model: other sessions' next tokens are slower, too. Changes no result.
  void Trim();

  // Runs `ids` through the model behind what is already there. Fails, changing nothing, when they
  // do not fit the context, an id is outside the vocabulary, or the bundle's file has shrunk
  // (checked at the start of the call: a file that shrinks during it still ends the process).
  Status Append(std::span<const uint32_t> ids);

  // Logits [vocab] of the token that follows the last appended one. Empty before the first Append;
  // valid until the next call that is not const.
  std::span<const float> logits() const;

  // Appends `ids` one position after the other and hands out the logits behind each of them, for
  // scoring.
  Status Score(std::span<const uint32_t> ids,
               const std::function<void(size_t index, std::span<const float> logits)>& visit);

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Bytes that a session takes once every position is filled.
struct MemoryEstimate {
  uint64_t weights = 0;   // of the level; of all levels where weights are copied
  uint64_t adapter = 0;   // of the level
  uint64_t kv_cache = 0;  // all heads of the context
  uint64_t scratch = 0;   // one block of tokens, logits
  uint64_t total() const { return weights + adapter + kv_cache + scratch; }
};

// What Session::Create() with the same arguments leads to, before it does. The program itself and
// the vocabulary come on top.
Result<MemoryEstimate> EstimateMemory(const Model& model, const Session::Options& options);

// How the next token is drawn from the logits.
struct SamplingOptions {
  float temperature = 0.0F;  // 0 is greedy: the highest logit, the lowest id on a tie
  uint32_t top_k = 0;        // keep the k highest; 0 keeps all
  float top_p = 1.0F;        // then the smallest set whose probability reaches p
  float min_p = 0.0F;        // then those with at least min_p times the highest probability
  uint64_t seed = 0;
};

// Ranges: temperature >= 0 and finite, top_p in (0, 1], min_p in [0, 1).
Status Validate(const SamplingOptions& options);

struct GenerateOptions {
  uint32_t max_tokens = 256;
  SamplingOptions sampling = {};
  bool ignore_stop = false;  // do not end at the bundle's stop ids
  // The answer ends before the first of these texts, wherever token borders fall. Each is UTF-8 and
  // not empty.
  std::vector<std::string> stop_texts = {};
};

struct GenerateResult {
  enum class Finish { kLength, kStop, kContext, kCancelled };
  std::string text;  // whole characters only
  std::vector<uint32_t> prompt_ids;
  std::vector<uint32_t> ids;  // without the stop id, but with those of a stop text
  Finish finish = Finish::kLength;
  double tokenize_ms = 0;
  double ttft_ms = 0;  // from the call to the first token: tokenizing and prefill
  double tpot_ms = 0;  // mean time of each further token; 0 when there is at most one
};
const char* FinishName(GenerateResult::Finish finish);

// Called once per token with the text that it completes, whole UTF-8 characters only: empty while a
// character, or what may become a stop text, is incomplete. With stop texts it is called once more
// at the end when something was still held back. Returns false to stop.
using TextSink = std::function<bool(std::string_view text)>;

// Tokenizes (with BOS where the bundle says so), prefills and decodes. The session is Reset()
// first.
Result<GenerateResult> Generate(Session& session, std::string_view prompt,
                                const GenerateOptions& options, const TextSink& sink = {});

}  // namespace elm
