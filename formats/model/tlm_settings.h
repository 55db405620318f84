// What training and use of a tiny LM must agree on beside its weights.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/base/status.h"
#include "formats/model/prompt_template.h"
#include "formats/model/tlm_config.h"

namespace elm {

// Which of the decision branch's outputs decides: the better one by validation. Stored in .elm
// files: never renumber.
enum class DecisionKind : uint32_t {
  kClassifiers = 0,  // prompt classifier and model classifier, as published
  kGrid = 1,         // the feasible pair whose answer is right with the highest probability
};

struct TlmSettings {
  TlmConfig config;
  // WordPiece pieces, one per line, config.vocab of them; the last are the SLO tokens.
  std::string vocabulary;
  bool lower_case = true;  // BERT "uncased": lower case and no accents
  // Shares of the full latency that have a token, in thousandths, ascending. Their ids are the last
  // of the vocabulary: those for TTFT, then those for TPOT.
  std::vector<uint32_t> ttft_permille;
  std::vector<uint32_t> tpot_permille;
  // Names of the outputs of the classifiers and of the grid's rows and columns, ascending, 1 to
  // 1000.
  std::vector<uint32_t> prompt_levels_permille;
  std::vector<uint32_t> model_levels_permille;
  PromptTemplate prompt;
  DecisionKind decision = DecisionKind::kGrid;
  uint32_t window_overlap = 0;       // context pieces that neighbouring windows share
  uint32_t short_prompt_tokens = 0;  // shorter prompts (in LLM tokens) are not compressed

  bool operator==(const TlmSettings&) const = default;
};

inline constexpr uint32_t kMaxSloTokens = 64;        // of one kind
inline constexpr uint32_t kMaxTemplateBytes = 4096;  // of each part of a prompt template
// Pieces with a meaning of their own, which every vocabulary holds.
inline constexpr const char* kTlmSpecialPieces[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

// The config is valid, lists ascend and fit it, the vocabulary is UTF-8, has config.vocab distinct
// lines without blanks, among them kTlmSpecialPieces, and ends with the SLO tokens; texts are
// UTF-8.
Status Validate(const TlmSettings& settings);

// The pieces of SLO tokens: "[ttft=0.2]" and "[tpot=0.5]". No text is ever cut into these.
std::string TtftPiece(uint32_t permille);
std::string TpotPiece(uint32_t permille);

// Index of the SLO token for `share` (1 is the full latency): the greatest that is not above it
// (after rounding to thousandths), so that the request is never taken for a laxer one; the first
// where all are above. `permille` ascends and is not empty.
size_t SloIndex(std::span<const uint32_t> permille, double share);

// Ids of the SLO tokens for these shares.
uint32_t TtftId(const TlmSettings& settings, double share);
uint32_t TpotId(const TlmSettings& settings, double share);

}  // namespace elm
