#include "runtime/tlm/tlm_weights.h"

#include <utility>

namespace elm {
namespace {

// Where a product or norm of a layer belongs; exactly one of them is set.
struct Target {
  TlmLinear* linear = nullptr;
  TlmNorm* norm = nullptr;
};

Target TargetIn(TlmLayer& layer, const TlmTensorSpec& spec) {
  switch (spec.role) {
    case TlmRole::kInputBottleneck:
      return {.linear = &layer.input_bottleneck};
    case TlmRole::kInputBottleneckNorm:
      return {.norm = &layer.input_norm};
    case TlmRole::kAttentionBottleneck:
      return {.linear = &layer.attention_bottleneck};
    case TlmRole::kAttentionBottleneckNorm:
      return {.norm = &layer.shared_norm};
    case TlmRole::kQuery:
      return {.linear = &layer.query};
    case TlmRole::kKey:
      return {.linear = &layer.key};
    case TlmRole::kValue:
      return {.linear = &layer.value};
    case TlmRole::kAttentionOutput:
      return {.linear = &layer.output};
    case TlmRole::kAttentionNorm:
      return {.norm = &layer.attention_norm};
    case TlmRole::kFeedForwardIn:
      return {.linear = &layer.feed_forwards[spec.part].in};
    case TlmRole::kFeedForwardOut:
      return {.linear = &layer.feed_forwards[spec.part].out};
    case TlmRole::kFeedForwardNorm:
      return {.norm = &layer.feed_forwards[spec.part].norm};
    case TlmRole::kOutputBottleneck:
      return {.linear = &layer.output_bottleneck};
    case TlmRole::kOutputBottleneckNorm:
      return {.norm = &layer.output_norm};
    default:
      return {};
  }
}

Target TargetOutsideLayers(TlmWeights& weights, TlmRole role) {
  switch (role) {
    case TlmRole::kEmbeddingProjection:
      return {.linear = &weights.projection};
    case TlmRole::kEmbeddingNorm:
      return {.norm = &weights.embedding_norm};
    case TlmRole::kScoreHead:
      return {.linear = &weights.score_head};
    case TlmRole::kPromptClassifier:
      return {.linear = &weights.prompt_classifier};
    case TlmRole::kModelClassifier:
      return {.linear = &weights.model_classifier};
    case TlmRole::kGridHead:
      return {.linear = &weights.grid_head};
    default:
      return {};
  }
}

Matrix* TableOf(TlmWeights& weights, TlmRole role) {
  switch (role) {
    case TlmRole::kWords:
      return &weights.words;
    case TlmRole::kPositions:
      return &weights.positions;
    case TlmRole::kTokenTypes:
      return &weights.token_types;
    default:
      return nullptr;
  }
}

Target TargetOf(TlmWeights& weights, const TlmConfig& config, const TlmTensorSpec& spec) {
  const Target outside = TargetOutsideLayers(weights, spec.role);
  if (outside.linear != nullptr || outside.norm != nullptr) return outside;
  switch (spec.branch) {
    case TlmBranch::kShared:
      return TargetIn(weights.shared[spec.layer], spec);
    case TlmBranch::kScore:
      return TargetIn(weights.score[spec.layer - config.shared_layers], spec);
    case TlmBranch::kDecision:
      return TargetIn(weights.decision[spec.layer - config.shared_layers], spec);
  }
  return {};
}

Status View(const BundleTlmTensor& tensor, const TlmConfig& config, TlmWeights& weights) {
  const TlmTensorSpec& spec = tensor.spec;
  if (Matrix* table = TableOf(weights, spec.role)) {
    ELM_ASSIGN_OR_RETURN(*table, MakeMatrix(tensor.bytes, tensor.type, tensor.layout));
    return Status::Ok();
  }
  const Target target = TargetOf(weights, config, spec);
  const auto* vector = reinterpret_cast<const float*>(tensor.bytes.data());
  if (target.norm != nullptr) {
    (spec.bias ? target.norm->shift : target.norm->scale) = vector;
    target.norm->epsilon = NormEpsilon(config, spec.role, spec.part);
  } else if (spec.bias) {
    target.linear->bias = vector;
  } else {
    ELM_ASSIGN_OR_RETURN(target.linear->matrix,
                         MakeMatrix(tensor.bytes, tensor.type, tensor.layout));
  }
  return Status::Ok();
}

}  // namespace

Result<TlmWeights> ViewTlmWeights(const BundleTlm& tlm) {
  const TlmConfig& config = tlm.settings.config;
  TlmWeights weights;
  TlmLayer layer;
  layer.feed_forwards.resize(config.feed_forwards);
  weights.shared.assign(config.shared_layers, layer);
  weights.score.assign(config.layers - config.shared_layers, layer);
  weights.decision = weights.score;
  for (const BundleTlmTensor& tensor : tlm.tensors) {
    const Status viewed = View(tensor, config, weights);
    if (!viewed.ok()) return viewed.In(StrCat("tiny LM: ", TlmTensorName(tensor.spec)));
  }
  return weights;
}

}  // namespace elm
