#include <utility>

#include "runtime/engine/model_impl.h"
#include "runtime/include/elm/elm.hpp"
#include "runtime/kernels/rope.h"

namespace elm {
namespace {

Result<std::unique_ptr<const Tokenizer>> LoadTokenizer(const Bundle& bundle) {
  const std::string_view model = bundle.view().tokenizer_model;
  if (model.empty()) {
    return NotFound("the bundle carries no tokenizer; pack it again with --tokenizer");
  }
  ELM_ASSIGN_OR_RETURN(auto tokenizer, Tokenizer::Load(model));
  // Fewer pieces than rows are usual: vocabularies are padded. More would name rows that do not
  // exist.
  if (tokenizer->size() > bundle.config().vocab) {
    return Corruption("tokenizer has ", tokenizer->size(), " pieces, the model's vocabulary only ",
                      bundle.config().vocab);
  }
  return tokenizer;
}

}  // namespace

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::~Model() = default;

Result<std::shared_ptr<const Model>> Model::Load(const std::string& path, const Options& options) {
  using Access = MappedFile::Access;
  ELM_ASSIGN_OR_RETURN(auto bundle,
                       Bundle::Open(path, options.copy_weights ? Access::kCopy : Access::kRandom));
  if (options.verify_weights) ELM_RETURN_IF_ERROR(bundle->VerifyWeights());
  return FromBundle(std::move(bundle));
}

Result<std::shared_ptr<const Model>> Model::FromBundle(std::shared_ptr<const Bundle> bundle) {
  auto impl = std::make_unique<Impl>();
  ELM_ASSIGN_OR_RETURN(impl->kernels, ChooseKernels());
  ELM_ASSIGN_OR_RETURN(impl->weights, ViewWeights(*bundle));
  const ModelConfig& config = bundle->config();
  impl->rope_frequencies = RopeFrequencies(config.head_dim, config.rope_theta);
  impl->bundle = std::move(bundle);
  return std::shared_ptr<const Model>(new Model(std::move(impl)));
}

const Bundle& Model::bundle() const { return *impl_->bundle; }
const ModelConfig& Model::config() const { return impl_->bundle->config(); }
const LevelTable& Model::levels() const { return impl_->bundle->levels(); }

Result<const Tokenizer*> Model::tokenizer() const {
  std::call_once(impl_->tokenizer_once, [this] {
    auto loaded = LoadTokenizer(bundle());
    if (loaded.ok()) {
      impl_->tokenizer = std::move(*loaded);
    } else {
      impl_->tokenizer_status = loaded.status().In(bundle().path());
    }
  });
  ELM_RETURN_IF_ERROR(impl_->tokenizer_status);
  return impl_->tokenizer.get();
}

}  // namespace elm
