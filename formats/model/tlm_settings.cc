#include "formats/model/tlm_settings.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "formats/base/utf8.h"
#include "formats/model/accuracy_grid.h"
#include "formats/model/level_table.h"

namespace elm {
namespace {

// The lines of a vocabulary; a line end behind the last one is no line of its own.
std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

Status CheckText(const char* field, const std::string& text) {
  if (text.size() > kMaxTemplateBytes) {
    return Corruption(field, " has ", text.size(), " bytes, at most ", kMaxTemplateBytes,
                      " are allowed");
  }
  const auto invalid = FindInvalidUtf8(text);
  if (!invalid) return Status::Ok();
  return Corruption(field, ": not UTF-8 at byte ", *invalid);
}

Status CheckSloPieces(const std::vector<std::string_view>& lines, size_t first,
                      const std::vector<uint32_t>& permille, std::string (*piece)(uint32_t)) {
  for (size_t i = 0; i < permille.size(); ++i) {
    const std::string expected = piece(permille[i]);
    if (lines[first + i] == expected) continue;
    return Corruption("vocabulary: line ", first + i + 1, " is \"", lines[first + i],
                      "\", expected the SLO token ", expected);
  }
  return Status::Ok();
}

Status CheckVocabulary(const TlmSettings& settings) {
  if (const auto invalid = FindInvalidUtf8(settings.vocabulary)) {
    return Corruption("vocabulary: not UTF-8 at byte ", *invalid);
  }
  const std::vector<std::string_view> lines = SplitLines(settings.vocabulary);
  if (lines.size() != settings.config.vocab) {
    return Corruption("vocabulary has ", lines.size(), " lines, expected vocab ",
                      settings.config.vocab);
  }
  const auto empty = std::find(lines.begin(), lines.end(), std::string_view());
  if (empty != lines.end()) {
    return Corruption("vocabulary: line ", empty - lines.begin() + 1, " is empty");
  }
  for (const char* piece : kTlmSpecialPieces) {
    if (std::find(lines.begin(), lines.end(), piece) == lines.end()) {
      return Corruption("vocabulary: ", piece, " is missing");
    }
  }
  const size_t tokens = settings.ttft_permille.size() + settings.tpot_permille.size();
  if (tokens > lines.size()) {
    return Corruption("vocabulary has ", lines.size(), " lines, fewer than SLO tokens");
  }
  const size_t first = lines.size() - tokens;
  ELM_RETURN_IF_ERROR(CheckSloPieces(lines, first, settings.ttft_permille, TtftPiece));
  return CheckSloPieces(lines, first + settings.ttft_permille.size(), settings.tpot_permille,
                        TpotPiece);
}

}  // namespace

Status Validate(const TlmSettings& settings) {
  const TlmConfig& config = settings.config;
  ELM_RETURN_IF_ERROR(Validate(config));
  ELM_RETURN_IF_ERROR(CheckPermille("ttft_permille", settings.ttft_permille, 1, kMaxSloTokens));
  ELM_RETURN_IF_ERROR(CheckPermille("tpot_permille", settings.tpot_permille, 1, kMaxSloTokens));
  ELM_RETURN_IF_ERROR(CheckPermille("prompt_levels_permille", settings.prompt_levels_permille,
                                    config.prompt_levels, config.prompt_levels));
  ELM_RETURN_IF_ERROR(CheckPermille("model_levels_permille", settings.model_levels_permille,
                                    config.model_levels, config.model_levels));
  ELM_RETURN_IF_ERROR(CheckVocabulary(settings));
  ELM_RETURN_IF_ERROR(CheckText("question_prefix", settings.prompt.question_prefix));
  ELM_RETURN_IF_ERROR(CheckText("question_suffix", settings.prompt.question_suffix));
  ELM_RETURN_IF_ERROR(CheckText("joiner", settings.prompt.joiner));
  if (settings.decision > DecisionKind::kGrid) {
    return Unsupported("decision is ", static_cast<uint32_t>(settings.decision),
                       ", this reader knows 0 (classifiers) and 1 (grid)");
  }
  if (settings.window_overlap >= config.positions) {
    return Corruption("window_overlap is ", settings.window_overlap, ", expected below positions ",
                      config.positions);
  }
  return Status::Ok();
}

std::string TtftPiece(uint32_t permille) { return StrCat("[ttft=", LevelName(permille), "]"); }
std::string TpotPiece(uint32_t permille) { return StrCat("[tpot=", LevelName(permille), "]"); }

size_t SloIndex(std::span<const uint32_t> permille, double share) {
  const double asked = std::round(share * 1000);
  size_t index = 0;
  while (index + 1 < permille.size() && permille[index + 1] <= asked) ++index;
  return index;
}

uint32_t TtftId(const TlmSettings& settings, double share) {
  const size_t first =
      settings.config.vocab - settings.ttft_permille.size() - settings.tpot_permille.size();
  return static_cast<uint32_t>(first + SloIndex(settings.ttft_permille, share));
}

uint32_t TpotId(const TlmSettings& settings, double share) {
  const size_t first = settings.config.vocab - settings.tpot_permille.size();
  return static_cast<uint32_t>(first + SloIndex(settings.tpot_permille, share));
}

}  // namespace elm
