#include "formats/model/tlm_tensors.h"

#include "formats/base/status.h"

namespace elm {
namespace {

const char* BranchName(TlmBranch branch) {
  switch (branch) {
    case TlmBranch::kShared:
      return "shared";
    case TlmBranch::kScore:
      return "score";
    case TlmBranch::kDecision:
      return "decision";
  }
  return "";
}

const char* RoleName(TlmRole role) {
  switch (role) {
    case TlmRole::kWords:
      return "embeddings.words";
    case TlmRole::kPositions:
      return "embeddings.positions";
    case TlmRole::kTokenTypes:
      return "embeddings.token_types";
    case TlmRole::kEmbeddingProjection:
      return "embeddings.projection";
    case TlmRole::kEmbeddingNorm:
      return "embeddings.norm";
    case TlmRole::kInputBottleneck:
      return "input_bottleneck";
    case TlmRole::kInputBottleneckNorm:
      return "input_bottleneck.norm";
    case TlmRole::kAttentionBottleneck:
      return "attention_bottleneck";
    case TlmRole::kAttentionBottleneckNorm:
      return "attention_bottleneck.norm";
    case TlmRole::kQuery:
      return "attention.query";
    case TlmRole::kKey:
      return "attention.key";
    case TlmRole::kValue:
      return "attention.value";
    case TlmRole::kAttentionOutput:
      return "attention.output";
    case TlmRole::kAttentionNorm:
      return "attention.norm";
    case TlmRole::kFeedForwardIn:
      return "in";
    case TlmRole::kFeedForwardOut:
      return "out";
    case TlmRole::kFeedForwardNorm:
      return "norm";
    case TlmRole::kOutputBottleneck:
      return "output_bottleneck";
    case TlmRole::kOutputBottleneckNorm:
      return "output_bottleneck.norm";
    case TlmRole::kScoreHead:
      return "head";
    case TlmRole::kPromptClassifier:
      return "prompt_classifier";
    case TlmRole::kModelClassifier:
      return "model_classifier";
    case TlmRole::kGridHead:
      return "grid_head";
  }
  return "";
}

bool IsFeedForward(TlmRole role) {
  return role >= TlmRole::kFeedForwardIn && role <= TlmRole::kFeedForwardNorm;
}

bool IsInLayer(TlmRole role) {
  return role >= TlmRole::kInputBottleneck && role <= TlmRole::kOutputBottleneckNorm;
}

class Lister {
 public:
  explicit Lister(const TlmConfig& config) : config_(config) {}

  std::vector<TlmTensorSpec> List() && {
    AddTable(TlmRole::kWords, config_.vocab, config_.embedding);
    AddTable(TlmRole::kPositions, config_.positions, config_.hidden);
    AddTable(TlmRole::kTokenTypes, config_.token_types, config_.hidden);
    AddProduct(TlmRole::kEmbeddingProjection, config_.hidden, config_.embedding_inputs());
    AddNorm(TlmRole::kEmbeddingNorm, config_.hidden);
    AddLayers(TlmBranch::kShared, 0, config_.shared_layers);
    AddLayers(TlmBranch::kScore, config_.shared_layers, config_.layers);
    AddProduct(TlmRole::kScoreHead, 1, config_.hidden);
    AddLayers(TlmBranch::kDecision, config_.shared_layers, config_.layers);
    AddProduct(TlmRole::kPromptClassifier, config_.prompt_levels, config_.hidden);
    AddProduct(TlmRole::kModelClassifier, config_.model_levels, config_.hidden);
    AddProduct(TlmRole::kGridHead, uint64_t{config_.prompt_levels} * config_.model_levels,
               config_.hidden);
    return std::move(list_);
  }

 private:
  void AddTable(TlmRole role, uint64_t rows, uint64_t columns) {
    list_.push_back({role, false, branch_, layer_, part_, rows, columns});
  }
  void AddProduct(TlmRole role, uint64_t rows, uint64_t columns) {
    AddTable(role, rows, columns);
    list_.push_back({role, true, branch_, layer_, part_, 1, rows});
  }
  void AddNorm(TlmRole role, uint64_t width) {
    list_.push_back({role, false, branch_, layer_, part_, 1, width});
    list_.push_back({role, true, branch_, layer_, part_, 1, width});
  }

  // Leaves `branch_` set, for the heads that follow.
  void AddLayers(TlmBranch branch, uint32_t begin, uint32_t end) {
    branch_ = branch;
    for (layer_ = begin; layer_ < end; ++layer_) AddLayer();
    layer_ = 0;
  }

  void AddLayer() {
    const uint64_t hidden = config_.hidden;
    const uint64_t bottleneck = config_.bottleneck;
    const uint64_t intermediate = config_.intermediate;
    AddProduct(TlmRole::kInputBottleneck, bottleneck, hidden);
    AddNorm(TlmRole::kInputBottleneckNorm, bottleneck);
    AddProduct(TlmRole::kAttentionBottleneck, bottleneck, hidden);
    AddNorm(TlmRole::kAttentionBottleneckNorm, bottleneck);
    AddProduct(TlmRole::kQuery, bottleneck, bottleneck);
    AddProduct(TlmRole::kKey, bottleneck, bottleneck);
    AddProduct(TlmRole::kValue, bottleneck, hidden);
    AddProduct(TlmRole::kAttentionOutput, bottleneck, bottleneck);
    AddNorm(TlmRole::kAttentionNorm, bottleneck);
    for (part_ = 0; part_ < config_.feed_forwards; ++part_) {
      AddProduct(TlmRole::kFeedForwardIn, intermediate, bottleneck);
      AddProduct(TlmRole::kFeedForwardOut, bottleneck, intermediate);
      AddNorm(TlmRole::kFeedForwardNorm, bottleneck);
    }
    part_ = 0;
    AddProduct(TlmRole::kOutputBottleneck, hidden, bottleneck);
    AddNorm(TlmRole::kOutputBottleneckNorm, hidden);
  }

  const TlmConfig& config_;
  TlmBranch branch_ = TlmBranch::kShared;
  uint32_t layer_ = 0;
  uint32_t part_ = 0;
  std::vector<TlmTensorSpec> list_;
};

// Behind "mobilebert.encoder.layer.<n>.", without ".weight" and ".bias".
std::string MobileBertLayerName(const TlmConfig& config, const TlmTensorSpec& spec) {
  const bool last = spec.part + 1 == config.feed_forwards;
  const std::string stacked = last ? "" : StrCat("ffn.", spec.part, ".");
  switch (spec.role) {
    case TlmRole::kInputBottleneck:
      return "bottleneck.input.dense";
    case TlmRole::kInputBottleneckNorm:
      return "bottleneck.input.LayerNorm";
    case TlmRole::kAttentionBottleneck:
      return "bottleneck.attention.dense";
    case TlmRole::kAttentionBottleneckNorm:
      return "bottleneck.attention.LayerNorm";
    case TlmRole::kQuery:
      return "attention.self.query";
    case TlmRole::kKey:
      return "attention.self.key";
    case TlmRole::kValue:
      return "attention.self.value";
    case TlmRole::kAttentionOutput:
      return "attention.output.dense";
    case TlmRole::kAttentionNorm:
      return "attention.output.LayerNorm";
    case TlmRole::kFeedForwardIn:
      return StrCat(stacked, "intermediate.dense");
    case TlmRole::kFeedForwardOut:
      return StrCat(stacked, "output.dense");
    case TlmRole::kFeedForwardNorm:
      return StrCat(stacked, "output.LayerNorm");
    case TlmRole::kOutputBottleneck:
      return "output.bottleneck.dense";
    case TlmRole::kOutputBottleneckNorm:
      return "output.bottleneck.LayerNorm";
    default:
      return "";
  }
}

}  // namespace

bool TlmTensorSpec::is_norm() const {
  switch (role) {
    case TlmRole::kEmbeddingNorm:
    case TlmRole::kInputBottleneckNorm:
    case TlmRole::kAttentionBottleneckNorm:
    case TlmRole::kAttentionNorm:
    case TlmRole::kFeedForwardNorm:
    case TlmRole::kOutputBottleneckNorm:
      return true;
    default:
      return false;
  }
}

std::vector<TlmTensorSpec> ListTlmTensors(const TlmConfig& config) { return Lister(config).List(); }

std::string TlmTensorName(const TlmTensorSpec& spec) {
  const char* end = spec.bias ? ".bias" : ".weight";
  const char* role = RoleName(spec.role);
  if (!IsInLayer(spec.role)) {
    if (spec.branch == TlmBranch::kShared) return StrCat(role, end);
    return StrCat(BranchName(spec.branch), ".", role, end);
  }
  const std::string layer = StrCat(BranchName(spec.branch), ".layers.", spec.layer, ".");
  if (!IsFeedForward(spec.role)) return StrCat(layer, role, end);
  return StrCat(layer, "feed_forward.", spec.part, ".", role, end);
}

float NormEpsilon(const TlmConfig& config, TlmRole role, uint32_t part) {
  const bool last = role == TlmRole::kFeedForwardNorm && part + 1 == config.feed_forwards;
  return last || role == TlmRole::kEmbeddingNorm ? kPlainNormEpsilon : config.norm_epsilon;
}

std::optional<std::string> MobileBertName(const TlmConfig& config, const TlmTensorSpec& spec) {
  const char* end = spec.bias ? ".bias" : ".weight";
  if (IsInLayer(spec.role)) {
    return StrCat("mobilebert.encoder.layer.", spec.layer, ".", MobileBertLayerName(config, spec),
                  end);
  }
  switch (spec.role) {
    case TlmRole::kWords:
      return StrCat("mobilebert.embeddings.word_embeddings", end);
    case TlmRole::kPositions:
      return StrCat("mobilebert.embeddings.position_embeddings", end);
    case TlmRole::kTokenTypes:
      return StrCat("mobilebert.embeddings.token_type_embeddings", end);
    case TlmRole::kEmbeddingProjection:
      return StrCat("mobilebert.embeddings.embedding_transformation", end);
    case TlmRole::kEmbeddingNorm:
      return StrCat("mobilebert.embeddings.LayerNorm", end);
    default:
      return std::nullopt;
  }
}

}  // namespace elm
