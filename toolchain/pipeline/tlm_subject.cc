#include "toolchain/pipeline/tlm_subject.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "formats/workspace/plan_file.h"
#include "formats/workspace/stage_key.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/recover_levels.h"
#include "toolchain/pipeline/workspace_files.h"
#include "toolchain/recover/adapter_parameters.h"
#include "toolchain/training/bf16_kernels.h"

namespace elm {
namespace {

// Hashes what the labels depend on: weights, plan, adapters, arithmetic.
std::string SubjectKey(RunContext& context, const ElasticPlan& plan,
                       const std::vector<TrainedAdapter>& adapters, torch::Dtype dtype) {
  StageKey key;
  key.Add("checkpoint", context.checkpoint_sha256()).Add("bfloat16", dtype == torch::kBFloat16);
  for (const Level& level : plan.levels.levels) {
    key.Add("level", level.name_permille);
    for (const LayerSlice& slice : level.layers) {
      key.Add("heads", slice.query_heads).Add("kv", slice.kv_heads).Add("neurons", slice.neurons);
    }
  }
  for (const LayerOrder& layer : plan.order.layers) {
    for (const std::vector<uint32_t>* units :
         {&layer.query_heads, &layer.kv_heads, &layer.neurons}) {
      key.Add("order", std::string_view(reinterpret_cast<const char*>(units->data()),
                                        units->size() * sizeof(uint32_t)));
    }
  }
  for (const TrainedAdapter& adapter : adapters) {
    key.Add("adapter", adapter.level)
        .Add("values", std::string_view(reinterpret_cast<const char*>(adapter.values.data()),
                                        adapter.values.size() * sizeof(float)));
  }
  return key.Hex();
}

}  // namespace

TlmSubject MakeTlmSubject(RunContext& context) {
  context.ReleaseModel();
  const ModelConfig& config = context.checkpoint().config();
  const ElasticPlan plan = ValueOrThrow(LoadPlan(context.Path(kPlanFile), config));
  const torch::Device device = context.device();
  const torch::Dtype dtype =
      HasBf16Kernels() || device.is_cuda() ? torch::kBFloat16 : torch::kFloat32;
  std::vector<TrainedAdapter> trained = TrainedAdapters(context, plan);
  const Tokenizer& tokenizer = context.tokenizer();
  const GenerationConfig generation = context.generation();
  TlmSubject subject{.model = context.LoadModel(device, dtype).Reordered(plan.order),
                     .levels = plan.levels,
                     .adapters = {},
                     .reading = {},
                     .rules = {},
                     .key = SubjectKey(context, plan, trained, dtype)};
  subject.adapters.resize(plan.levels.levels.size());
  const RecoverOptions& recover = context.options().recover;
  for (TrainedAdapter& adapter : trained) {
    const AdapterParameters parameters(config, plan.levels.levels[adapter.level], recover.rank,
                                       recover.alpha);
    const torch::Tensor flat =
        torch::from_blob(adapter.values.data(), {parameters.count()}).clone();
    subject.adapters[adapter.level] = parameters.View(flat).To(device, dtype);
  }
  subject.reading.encode = [&tokenizer](std::string_view text) { return tokenizer.Encode(text); };
  subject.reading.piece = [&tokenizer](uint32_t id) { return tokenizer.Piece(id); };
  if (generation.add_bos) subject.reading.bos = generation.bos_id;
  subject.rules = {.decoder = {.piece = subject.reading.piece, .stop_ids = generation.stop_ids},
                   .context = config.context};
  return subject;
}

TlmHooks MakeTlmHooks(RunContext& context) {
  struct Bar {
    std::string what;
    std::unique_ptr<Progress> progress;
  };
  const auto bar = std::make_shared<Bar>();
  const Progress::Style style = context.progress_style();
  TlmHooks hooks;
  hooks.report = [bar, style](const char* what, uint64_t done, uint64_t total,
                              const std::string& note) {
    if (!bar->progress || bar->what != what) {
      bar->progress = std::make_unique<Progress>(what, style);
      bar->what = what;
    }
    bar->progress->Update(done, total, note);
    if (done == total) bar->progress.reset();
  };
  hooks.say = [](const std::string& text) { spdlog::info("tlm: {}", text); };
  hooks.throw_if_cancelled = [] { ThrowIfCancelled(); };
  return hooks;
}

std::optional<TlmToPack> FinishedTlm(RunContext& context) {
  if (!WantsTlm(context.options())) return std::nullopt;
  const std::string folder = context.Path(kTlmFolder);
  StoredTlm tlm = LoadTlm(folder + "/tlm");
  TlmToPack packed;
  packed.settings = std::move(tlm.settings);
  for (const torch::Tensor& tensor : tlm.model.tensors()) {
    const torch::Tensor flat = tensor.contiguous();
    packed.tensors.emplace_back(flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
  }
  packed.accuracy = ReadAccuracyGrid(folder + "/accuracy.json");
  packed.reference = ReadLatencyTable(context.options().tlm.latency);
  packed.provenance = tlm.provenance.value("scores", "");
  return packed;
}

}  // namespace elm
