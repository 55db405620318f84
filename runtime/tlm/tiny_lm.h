// The tiny LM of a bundle: which words of a prompt matter, and which levels will do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "formats/base/status.h"
#include "formats/elm/bundle.h"
#include "runtime/tlm/tlm_input.h"

namespace elm {

// How likely a piece of the context is worth keeping.
struct PieceScore {
  TextSpan span;     // in the context
  float retain = 0;  // 0 to 1; the mean over the windows that hold the piece
};

// Probabilities are means over the windows.
struct TlmAnswer {
  std::vector<PieceScore> pieces;    // of the context, ascending; empty unless asked for
  std::vector<float> prompt_levels;  // [P], sums to 1; empty unless asked for, like the next two
  std::vector<float> model_levels;   // [M], sums to 1
  std::vector<float> right;          // [P, M]: whether the answer will be right
  size_t tokens = 0;                 // of all windows together
  size_t windows = 0;
};

// Which branches run; the layers below are shared.
enum class TlmHeads { kScore, kDecision, kBoth };

// Not thread-safe; several can be made of one bundle. The weights are the bundle's own bytes.
class TinyLm {
 public:
  // kNotFound when the bundle has no tiny LM. `threads` at least 1. All memory that grows with the
  // model is allocated here; Read() makes only the lists that it returns.
  static Result<std::unique_ptr<TinyLm>> Create(std::shared_ptr<const Bundle> bundle,
                                                uint32_t threads);
  ~TinyLm();
  TinyLm(const TinyLm&) = delete;
  TinyLm& operator=(const TinyLm&) = delete;

  Result<TlmAnswer> Read(const TlmQuestion& question, TlmHeads heads = TlmHeads::kBoth);

  const TlmSettings& settings() const;
  const WordPieceTokenizer& tokenizer() const;
  uint64_t scratch_bytes() const;

 private:
  struct Impl;
  explicit TinyLm(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace elm
