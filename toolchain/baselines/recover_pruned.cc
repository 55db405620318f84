#include "toolchain/baselines/recover_pruned.h"

#include <algorithm>

#include "formats/base/hash.h"
#include "toolchain/recover/adapter_file.h"

namespace elm {
namespace {

void Add(const torch::Tensor& tensor, Hasher64& hasher) {
  const torch::Tensor values = tensor.detach().cpu().contiguous();
  hasher.Update({static_cast<const std::byte*>(values.data_ptr()), values.nbytes()});
}

// One hash of the weights in their order. What levels add to them follows from the calibration.
std::string BaseOf(const Llama& model, const std::string& calibration_hash) {
  Hasher64 hasher;
  Add(model.embedding, hasher);
  for (const LlamaLayer& layer : model.layers) {
    for (const torch::Tensor* tensor :
         {&layer.attention_norm, &layer.query, &layer.key, &layer.value, &layer.output,
          &layer.mlp_norm, &layer.gate, &layer.up, &layer.down}) {
      Add(*tensor, hasher);
    }
  }
  return StrCat(hasher.Digest(), "/", calibration_hash);
}

LevelTable TableOf(const PrunedModel& pruned) {
  LevelTable table;
  for (const PrunedLevel& level : pruned.levels) table.levels.push_back(level.level);
  for (const LlamaLayer& layer : pruned.model.layers) table.kv_of.push_back(layer.kv_of);
  return table;
}

// [levels], or empty where no level has any.
std::vector<std::vector<LayerBias>> BiasesOf(const PrunedModel& pruned) {
  std::vector<std::vector<LayerBias>> biases;
  bool any = false;
  for (const PrunedLevel& level : pruned.levels) {
    biases.push_back(level.biases);
    biases.back().resize(pruned.model.layers.size());
    any = any || !level.biases.empty();
  }
  if (!any) biases.clear();
  return biases;
}

}  // namespace

std::vector<size_t> FirstAlike(const PrunedModel& pruned) {
  std::vector<size_t> first;
  for (size_t i = 0; i < pruned.levels.size(); ++i) {
    size_t alike = i;
    for (size_t earlier = 0; earlier < i && alike == i; ++earlier) {
      const PrunedLevel& a = pruned.levels[earlier];
      const PrunedLevel& b = pruned.levels[i];
      const bool gated = a.gating != nullptr || b.gating != nullptr;
      if (!gated && a.level.layers == b.level.layers) alike = earlier;
    }
    first.push_back(alike);
  }
  return first;
}

std::vector<std::optional<LoraAdapter>> RecoverPruned(const PrunedModel& pruned,
                                                      const RecoveryDiet& diet,
                                                      const RecoverOptions& options,
                                                      const std::string& folder,
                                                      const RecoverHooks& hooks) {
  const std::vector<size_t> first = FirstAlike(pruned);
  const LevelTable table = TableOf(pruned);
  const std::vector<std::vector<LayerBias>> biases = BiasesOf(pruned);
  RecoverInputs inputs{.model = pruned.model,
                       .levels = table,
                       .chosen = {},
                       .examples = diet.examples,
                       .validation = diet.validation,
                       .model_base = BaseOf(pruned.model, diet.calibration_hash),
                       .data_hash = diet.data_hash,
                       .folder = folder,
                       .teacher = pruned.merged ? &diet.teacher : nullptr,
                       .biases = biases};
  for (size_t i = 0; i < first.size(); ++i) {
    if (first[i] == i) inputs.chosen.push_back(i);
  }
  const std::vector<AdapterRecord> records = Recover(inputs, options, hooks);

  std::vector<std::optional<LoraAdapter>> adapters(first.size());
  for (size_t i = 0; i < records.size(); ++i) {
    if (records[i].best_update == 0) continue;
    const Level& level = table.levels[inputs.chosen[i]];
    const AdapterParameters parameters(pruned.model.config(), level, options.rank, options.alpha);
    const torch::Tensor flat =
        LoadAdapter(folder, level, parameters, LevelBase(inputs.model_base, level));
    adapters[inputs.chosen[i]] =
        parameters.View(flat).To(pruned.model.device(), pruned.model.dtype());
  }
  for (size_t i = 0; i < first.size(); ++i) adapters[i] = adapters[first[i]];
  return adapters;
}

}  // namespace elm
