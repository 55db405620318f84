#include "formats/elm/elastic_text.h"

#include <cstdio>

namespace elm {
namespace {

std::string Fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string Names(const std::vector<uint32_t>& permille) {
  std::string names;
  for (const uint32_t each : permille) {
    names += StrCat(names.empty() ? "" : " ", LevelName(each));
  }
  return names;
}

// Of the first product that is not a head.
WeightType MainType(const BundleTlm& tlm) {
  for (const BundleTlmTensor& tensor : tlm.tensors) {
    if (tensor.spec.role == TlmRole::kEmbeddingProjection) return tensor.type;
  }
  return WeightType::kF32;
}

std::string TlmText(const BundleTlm& tlm) {
  const TlmSettings& settings = tlm.settings;
  const TlmConfig& config = settings.config;
  const TlmWeightCounts counts = CountTlmWeights(config);
  return StrCat("tiny LM       ", config.layers, " layers (", config.shared_layers,
                " shared), hidden ", config.hidden, ", bottleneck ", config.bottleneck, ", ",
                config.heads, " heads, ", config.feed_forwards, " x ", config.intermediate,
                " neurons, ", config.layer_norm ? "LayerNorm" : "NoNorm", "\n              ",
                config.vocab, " pieces, windows of ", config.positions, " tokens, overlap ",
                settings.window_overlap, "\n              ", counts.all, " weights (",
                counts.layers_and_heads, " outside the embeddings), ",
                WeightTypeName(MainType(tlm)), ", ", TlmBytes(tlm),
                " bytes\n              SLO tokens: TTFT ", Names(settings.ttft_permille), "; TPOT ",
                Names(settings.tpot_permille), "\n              prompt levels ",
                Names(settings.prompt_levels_permille), "; decides by ",
                settings.decision == DecisionKind::kGrid ? "grid head" : "classifiers", "\n");
}

std::string LatencyText(const LatencyTable& table) {
  const size_t full = table.level_permille.size() - 1;
  return StrCat("latency       ", table.name, ": ", Fixed(table.Ttft(full, 512), 1),
                " ms to the first token of 512 at the full level, then ",
                Fixed(table.Tpot(full, 512), 2), " ms a token, margin ",
                Fixed(100 * table.margin, 1), " %\n");
}

std::string AccuracyText(const AccuracyGrid& grid) {
  std::string text = StrCat("accuracy      per cent, ", grid.items,
                            " questions a cell; rows: prompt level\n              ");
  for (const uint32_t level : grid.model_levels_permille) {
    const std::string name = LevelName(level);
    text += StrCat(std::string(name.size() < 7 ? 7 - name.size() : 1, ' '), name);
  }
  text += "\n";
  for (size_t row = 0; row < grid.prompt_levels_permille.size(); ++row) {
    const std::string name = LevelName(grid.prompt_levels_permille[row]);
    text += StrCat("        ", name, std::string(name.size() < 6 ? 6 - name.size() : 1, ' '));
    for (size_t column = 0; column < grid.model_levels_permille.size(); ++column) {
      const std::string cell = Fixed(100 * grid.accuracy[grid.Index(row, column)], 1);
      text += StrCat(std::string(cell.size() < 7 ? 7 - cell.size() : 1, ' '), cell);
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string ElasticText(const BundleView& view) {
  std::string text;
  if (view.tlm) text += TlmText(*view.tlm);
  if (view.reference_latency) text += LatencyText(*view.reference_latency);
  if (view.accuracy) text += AccuracyText(*view.accuracy);
  return text;
}

uint64_t TlmBytes(const BundleTlm& tlm) {
  uint64_t sum = 0;
  for (const BundleTlmTensor& tensor : tlm.tensors) sum += tensor.size;
  return sum;
}

TlmWeightCounts CountTlmWeights(const TlmConfig& config) {
  TlmWeightCounts counts;
  for (const TlmTensorSpec& spec : ListTlmTensors(config)) {
    if (spec.is_vector()) continue;
    counts.all += spec.rows * spec.columns;
    // The projection of words' rows is one of the embeddings, too.
    if (spec.role > TlmRole::kEmbeddingProjection) {
      counts.layers_and_heads += spec.rows * spec.columns;
    }
  }
  return counts;
}

}  // namespace elm
