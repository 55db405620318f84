#include "runtime/tlm/tiny_lm.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/kernels/kernels.h"
#include "runtime/tlm/tlm_encoder.h"

namespace elm {
namespace {

float Sigmoid(float logit) { return 1.0F / (1.0F + std::exp(-logit)); }

// Adds the softmax of the logits to `sums`.
void AddSoftmax(std::vector<float> logits, std::vector<float>& sums) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  float total = 0;
  for (float& logit : logits) total += logit = std::exp(logit - highest);
  for (size_t i = 0; i < logits.size(); ++i) sums[i] += logits[i] / total;
}

void Divide(std::vector<float>& values, size_t count) {
  for (float& value : values) value /= static_cast<float>(count);
}

// Of the context's pieces, over the windows that hold them.
struct PieceSums {
  std::vector<float> retain;
  std::vector<uint32_t> windows;
};

}  // namespace

struct TinyLm::Impl {
  std::shared_ptr<const Bundle> bundle;
  std::unique_ptr<WordPieceTokenizer> tokenizer;
  std::unique_ptr<TlmEncoder> encoder;
  std::vector<uint32_t> token_types;  // [positions]
  std::vector<float> score_logits;    // [positions]

  const BundleTlm& tlm() const { return *bundle->view().tlm; }

  std::vector<float> Logits(const TlmLinear& linear, const float* state) const {
    std::vector<float> logits(linear.matrix.rows);
    encoder->Apply(linear, state, 1, logits.data());
    return logits;
  }

  void RunShared(const TlmWindow& window) {
    for (size_t i = 0; i < window.ids.size(); ++i) token_types[i] = i < window.header ? 0 : 1;
    encoder->RunShared(window.ids, std::span(token_types).first(window.ids.size()));
  }

  void AddScores(const TlmWindow& window, PieceSums& sums) {
    const size_t count = window.ids.size() - window.header;
    if (count == 0) return;
    const float* states = encoder->RunBranch(TlmBranch::kScore);
    encoder->Apply(encoder->weights().score_head,
                   states + window.header * tlm().settings.config.hidden, count,
                   score_logits.data());
    for (size_t i = 0; i < count; ++i) {
      sums.retain[window.first_piece + i] += Sigmoid(score_logits[i]);
      ++sums.windows[window.first_piece + i];
    }
  }

  void AddDecision(TlmAnswer& answer) {
    const float* state = encoder->RunBranch(TlmBranch::kDecision, /*first_only=*/true);
    const TlmWeights& weights = encoder->weights();
    AddSoftmax(Logits(weights.prompt_classifier, state), answer.prompt_levels);
    AddSoftmax(Logits(weights.model_classifier, state), answer.model_levels);
    const std::vector<float> right = Logits(weights.grid_head, state);
    for (size_t i = 0; i < right.size(); ++i) answer.right[i] += Sigmoid(right[i]);
  }
};

Result<std::unique_ptr<TinyLm>> TinyLm::Create(std::shared_ptr<const Bundle> bundle,
                                               uint32_t threads) {
  if (!bundle->view().tlm) {
    return NotFound(bundle->path(), ": the bundle has no tiny LM; pack one with elmc prepare");
  }
  ELM_ASSIGN_OR_RETURN(const KernelTable* kernels, ChooseKernels());
  auto impl = std::make_unique<Impl>();
  impl->bundle = std::move(bundle);
  const TlmSettings& settings = impl->tlm().settings;
  auto tokenizer = WordPieceTokenizer::Load(settings.vocabulary, settings.lower_case);
  if (!tokenizer.ok()) return tokenizer.status().In(StrCat(impl->bundle->path(), ": tiny LM"));
  impl->tokenizer = std::make_unique<WordPieceTokenizer>(std::move(tokenizer).value());
  auto encoder = TlmEncoder::Create(impl->tlm(), *kernels, threads);
  if (!encoder.ok()) return encoder.status().In(impl->bundle->path());
  impl->encoder = std::move(encoder).value();
  impl->token_types.resize(settings.config.positions);
  impl->score_logits.resize(settings.config.positions);
  return std::unique_ptr<TinyLm>(new TinyLm(std::move(impl)));
}

TinyLm::TinyLm(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TinyLm::~TinyLm() = default;

Result<TlmAnswer> TinyLm::Read(const TlmQuestion& question, TlmHeads heads) {
  ELM_RETURN_IF_ERROR(impl_->bundle->CheckSize());
  const bool score = heads != TlmHeads::kDecision;
  const bool decision = heads != TlmHeads::kScore;
  const TlmInput input = MakeTlmInput(settings(), tokenizer(), question);
  const TlmConfig& config = settings().config;
  const size_t pieces = input.context.ids.size();
  PieceSums sums;
  sums.retain.resize(pieces);
  sums.windows.resize(pieces);
  TlmAnswer answer;
  if (decision) {
    answer.prompt_levels.resize(config.prompt_levels);
    answer.model_levels.resize(config.model_levels);
    answer.right.resize(size_t{config.prompt_levels} * config.model_levels);
  }
  for (const TlmWindow& window : input.windows) {
    impl_->RunShared(window);
    if (score) impl_->AddScores(window, sums);
    if (decision) impl_->AddDecision(answer);
    answer.tokens += window.ids.size();
  }
  answer.windows = input.windows.size();
  for (auto* values : {&answer.prompt_levels, &answer.model_levels, &answer.right}) {
    Divide(*values, answer.windows);
  }
  if (!score) return answer;
  answer.pieces.reserve(pieces);
  for (size_t i = 0; i < pieces; ++i) {
    answer.pieces.push_back(
        {input.context.spans[i], sums.retain[i] / static_cast<float>(sums.windows[i])});
  }
  return answer;
}

const TlmSettings& TinyLm::settings() const { return impl_->tlm().settings; }
const WordPieceTokenizer& TinyLm::tokenizer() const { return *impl_->tokenizer; }
uint64_t TinyLm::scratch_bytes() const { return impl_->encoder->scratch_bytes(); }

}  // namespace elm
