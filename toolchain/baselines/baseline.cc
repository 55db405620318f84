#include "toolchain/baselines/baseline.h"

#include <algorithm>
#include <array>

namespace elm {
namespace {

constexpr std::array kMethods = {
    BaselineMethod{
        .name = "llm-pruner",
        .title = "LLM-Pruner",
        .about = "LLM-Pruner (Ma et al. 2023): KV groups and neurons by the sum of |W * dL/dW|, "
                 "the same part of all layers but the first and last ones; with its LoRA",
        .recovery = BaselineRecovery::kPublished,
        .prune = PruneByLlmPruner},
    BaselineMethod{.name = "le",
                   .title = "LE",
                   .about = "layer-wise elastification: skips the layers whose skipping costs "
                            "least loss",
                   .prune = SkipLayersByLoss},
    BaselineMethod{.name = "shortgpt",
                   .title = "ShortGPT",
                   .about = "ShortGPT (Men et al. 2024): skips the layers of least Block "
                            "Influence, 1 - cosine of what goes in and what comes out",
                   .prune = SkipLayersByInfluence},
    BaselineMethod{.name = "laco",
                   .title = "LaCo",
                   .about = "LaCo (Yang et al. 2024): adds the differences of later layers to an "
                            "earlier one, from the rear, while the output stays similar",
                   .prune = MergeLayers},
    BaselineMethod{.name = "attndrop",
                   .title = "AttnDrop",
                   .about = "Attention Drop (He et al. 2024): leaves out the attention blocks "
                            "that change the stream least; below what attention holds, its Joint "
                            "Layer Drop of attention and MLP blocks",
                   .prune = DropAttention},
    BaselineMethod{.name = "sparsity",
                   .title = "CS",
                   .about = "contextual sparsity (Deja Vu, Liu et al. 2023): trained predictors "
                            "choose KV groups and neurons for every token; their own weights, and "
                            "keys and values of left-out groups, are not counted",
                   .recovery = BaselineRecovery::kNever,
                   .trains = true,
                   .prune = SparsifyByPrediction},
    BaselineMethod{.name = "sparsity-oracle",
                   .title = "CS oracle",
                   .about = "contextual sparsity whose choice looks at what every unit would have "
                            "given: an upper bound that saves nothing",
                   .recovery = BaselineRecovery::kNever,
                   .realisable = false,
                   .prune = SparsifyByOracle},
    BaselineMethod{.name = "flap",
                   .title = "FLAP",
                   .about = "FLAP (An et al. 2023): units whose output fluctuates least give way "
                            "to their mean, ranked over all layers; with its bias compensation",
                   .prune = PruneByFluctuation},
    BaselineMethod{.name = "wanda-sp",
                   .title = "Wanda-sp",
                   .about = "Wanda (Sun et al. 2023) over structures: units by the sum of |W| "
                            "times the norm of their inputs, the same part of every layer",
                   .prune = PruneByWanda},
    BaselineMethod{.name = "magnitude",
                   .title = "magnitude",
                   .about = "units by the sum of their squared weights, the same part of every "
                            "layer",
                   .prune = PruneByMagnitude},
    BaselineMethod{.name = "random",
                   .title = "random",
                   .about = "units at random, the same part of every layer; one draw",
                   .prune = PruneAtRandom},
};

}  // namespace

std::span<const BaselineMethod> BaselineMethods() { return kMethods; }

const BaselineMethod* FindBaselineMethod(std::string_view name) {
  const auto found =
      std::find_if(kMethods.begin(), kMethods.end(),
                   [&](const BaselineMethod& method) { return method.name == name; });
  return found == kMethods.end() ? nullptr : &*found;
}

}  // namespace elm
