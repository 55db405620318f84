#include <algorithm>
#include <thread>
#include <utility>

#include "runtime/engine/forward.h"
#include "runtime/engine/kv_cache.h"
#include "runtime/engine/memory_estimate.h"
#include "runtime/engine/model_impl.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {

struct Session::Impl {
  std::shared_ptr<const Model> model;
  KvCache cache;
  Scratch scratch;
  std::unique_ptr<ThreadPool> threads;
  bool use_adapters;
  const Level* level;             // a row of the model's level table
  std::span<const float> logits;  // [vocab], a row of scratch.logits

  ForwardModel forward_model() const {
    const Model::Impl& parts = model->impl();
    const auto& adapter = parts.weights.adapters[cache.level()];
    return {.config = model->config(),
            .weights = parts.weights,
            .rope_frequencies = parts.rope_frequencies,
            .level = *level,
            .adapter = adapter && use_adapters ? &*adapter : nullptr,
            .kernels = *parts.kernels,
            .threads = *threads};
  }

  void SelectLevel(size_t index) {
    level = &model->levels().levels[index];
    Empty(index);
  }

  void Empty(size_t index) {
    cache.Reset(index);
    logits = {};
  }

  // Everything that can be wrong with an input or its weights, found out before anything changes.
  Status Check(std::span<const uint32_t> ids) const {
    ELM_RETURN_IF_ERROR(model->bundle().CheckSize());
    const uint32_t room = cache.context() - cache.length();
    if (ids.size() > room) {
      return InvalidArgument(ids.size(), " tokens behind ", cache.length(),
                             " do not fit the context of ", cache.context(), " tokens");
    }
    const uint32_t vocab = model->config().vocab;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] >= vocab) {
        return InvalidArgument("token id ", ids[i], " at index ", i,
                               " is outside the vocabulary of ", vocab);
      }
    }
    return Status::Ok();
  }

  void ComputeLogitRows(uint32_t first, uint32_t rows) {
    ComputeLogits(forward_model(), first, rows, scratch);
    const size_t vocab = model->config().vocab;
    logits = {scratch.logits.data() + (rows - 1) * vocab, vocab};
  }
};

namespace {

// Never more than there are cores: threads that share one only wait for each other.
size_t ThreadsFor(uint32_t wanted) {
  const size_t cores = std::max(1U, std::thread::hardware_concurrency());
  return wanted == 0 ? cores : std::min<size_t>(wanted, cores);
}

Result<uint32_t> ContextFor(const ModelConfig& config, uint32_t wanted) {
  if (wanted <= config.context) return wanted == 0 ? config.context : wanted;
  return InvalidArgument("a context of ", wanted, " tokens exceeds the model's ", config.context);
}

// The heads that `level` keeps have been written by `writer`.
bool KeepsHeadsOf(const Level& writer, const Level& level) {
  for (size_t layer = 0; layer < level.layers.size(); ++layer) {
    if (level.layers[layer].kv_heads > writer.layers[layer].kv_heads) return false;
  }
  return true;
}

}  // namespace

Result<MemoryEstimate> EstimateMemory(const Model& model, const Session::Options& options) {
  ELM_ASSIGN_OR_RETURN(const size_t level, FindLevel(model.levels(), options.level));
  const ModelConfig& config = model.config();
  ELM_ASSIGN_OR_RETURN(const uint32_t context, ContextFor(config, options.context));
  const Bundle& bundle = model.bundle();
  MemoryEstimate estimate;
  estimate.weights = bundle.copied() ? bundle.file_size() : bundle.LevelBytes(level);
  const BundleAdapter* adapter = options.adapters ? bundle.FindAdapter(level) : nullptr;
  if (adapter != nullptr && !bundle.copied()) estimate.adapter = adapter->plan.size;
  estimate.kv_cache = KvCache::BytesFor(config, context, options.kv);
  // Only promised to this process until something is written.
  ELM_ASSIGN_OR_RETURN(const Scratch scratch,
                       Scratch::Create(config, context, ThreadsFor(options.threads),
                                       model.impl().weights.largest_rank));
  estimate.scratch = scratch.bytes();
  return estimate;
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::Create(std::shared_ptr<const Model> model,
                                                 const Options& options) {
  ELM_ASSIGN_OR_RETURN(const size_t level, FindLevel(model->levels(), options.level));
  const ModelConfig& config = model->config();
  ELM_ASSIGN_OR_RETURN(const uint32_t context, ContextFor(config, options.context));
  const size_t threads = ThreadsFor(options.threads);
  ELM_ASSIGN_OR_RETURN(Scratch scratch, Scratch::Create(config, context, threads,
                                                        model->impl().weights.largest_rank));
  ELM_RETURN_IF_ERROR(CheckFits(
      {.kv_cache = KvCache::BytesFor(config, context, options.kv), .scratch = scratch.bytes()},
      context, AvailableMemory()));
  ELM_ASSIGN_OR_RETURN(KvCache cache, KvCache::Create(config, context, options.kv));
  ELM_ASSIGN_OR_RETURN(std::unique_ptr<ThreadPool> pool, ThreadPool::Create(threads));
  std::unique_ptr<Impl> impl(new Impl{std::move(model),
                                      std::move(cache),
                                      std::move(scratch),
                                      std::move(pool),
                                      options.adapters,
                                      nullptr,
                                      {}});
  impl->SelectLevel(level);
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

const Model& Session::model() const { return *impl_->model; }

Status Session::SetLevel(std::string_view name, OnSwitch on_switch) {
  const std::vector<Level>& levels = model().levels().levels;
  ELM_ASSIGN_OR_RETURN(const size_t index, FindLevel(model().levels(), name));
  if (index == level()) return Status::Ok();
  if (on_switch == OnSwitch::kRebuild) {
    impl_->SelectLevel(index);
    return Status::Ok();
  }
  if (!KeepsHeadsOf(*impl_->level, levels[index])) {
    return InvalidArgument("level ", LevelName(levels[index].name_permille),
                           " needs heads that level ", LevelName(impl_->level->name_permille),
                           " has not written: the KV cache can be kept on the way down only");
  }
  impl_->level = &levels[index];
  impl_->cache.Continue(index);
  return Status::Ok();
}

size_t Session::level() const { return impl_->cache.level(); }

void Session::Reset() { impl_->Empty(level()); }

void Session::UseAdapters(bool use) {
  impl_->use_adapters = use;
  Reset();
}

Status Session::Rewind(uint32_t position) {
  const uint32_t held = impl_->cache.length();
  if (position > held) {
    return InvalidArgument("cannot rewind to position ", position, ": the session holds ", held,
                           " tokens");
  }
  impl_->cache.Truncate(position);
  impl_->logits = {};
  return Status::Ok();
}

void Session::Trim() {
  impl_->scratch.Trim();
  impl_->cache.Trim();
  model().bundle().Release();
}

uint32_t Session::position() const { return impl_->cache.length(); }
uint32_t Session::context() const { return impl_->cache.context(); }
std::span<const float> Session::logits() const { return impl_->logits; }

Status Session::Append(std::span<const uint32_t> ids) {
  ELM_RETURN_IF_ERROR(impl_->Check(ids));
  while (!ids.empty()) {
    const auto block = ids.first(std::min<size_t>(ids.size(), impl_->scratch.block_tokens));
    ids = ids.subspan(block.size());
    ForwardBlock(impl_->forward_model(), block, impl_->cache, impl_->scratch);
    if (ids.empty()) impl_->ComputeLogitRows(static_cast<uint32_t>(block.size()) - 1, 1);
  }
  return Status::Ok();
}

Status Session::Score(
    std::span<const uint32_t> ids,
    const std::function<void(size_t index, std::span<const float> logits)>& visit) {
  ELM_RETURN_IF_ERROR(impl_->Check(ids));
  const size_t vocab = model().config().vocab;
  for (size_t begin = 0; begin < ids.size(); begin += impl_->scratch.block_tokens) {
    const size_t left = ids.size() - begin;
    const auto block = ids.subspan(begin, std::min<size_t>(left, impl_->scratch.block_tokens));
    ForwardBlock(impl_->forward_model(), block, impl_->cache, impl_->scratch);
    for (uint32_t first = 0; first < block.size(); first += kLogitRows) {
      const auto rows = std::min<uint32_t>(static_cast<uint32_t>(block.size()) - first, kLogitRows);
      impl_->ComputeLogitRows(first, rows);
      for (uint32_t row = 0; row < rows; ++row) {
        visit(begin + first + row, {impl_->scratch.logits.data() + row * vocab, vocab});
      }
    }
  }
  return Status::Ok();
}

}  // namespace elm
