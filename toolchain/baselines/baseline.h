// The published alternatives to elastification, each as a function from a model to smaller ones.
//
// A method yields one or several pruned models, each with levels: the same forms that the elastic
// model has (an order of units and a table of slices), so that recovery and evaluation are the same
// code for all. Where a method does more than cut (weights that are merged, biases, gates for every
// token), the pruned model carries it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/token_windows.h"
#include "formats/model/level_table.h"
#include "toolchain/model/llama.h"
#include "toolchain/profile/profile.h"
#include "toolchain/training/training_example.h"

namespace elm {

// What a method may look at.
struct BaselineInputs {
  const Llama& model;               // its units in the original order
  const TokenWindows& calibration;  // the text that elastic units are scored on, too
  std::vector<uint32_t> names;      // levels to reach, in thousandths of the weights, ascending
  size_t batch = 4;                 // windows per forward pass
  uint64_t seed = 1;
  // No block keeps fewer neurons than this, or none at all: the rank of adapters.
  uint32_t least_neurons = 1;
  // For methods that train something of their own: `tokens` of these.
  const ExampleSource* examples = nullptr;
  uint64_t tokens = 0;
  std::string folder = {};    // for what they train, made when it is not there
  std::string data_key = {};  // one hash of calibration, examples and model
  // Of whatever takes long; throwing stops the method.
  ProfileProgress progress = {};
};

struct PrunedLevel {
  Level level;
  std::vector<LayerBias> biases = {};                  // [layers] or empty
  std::shared_ptr<const UnitGating> gating = nullptr;  // which units count for which token
  double share = 0;       // true share; with gates, the mean over tokens of what counts
  std::string note = {};  // what a reader of the table should know of this level; else empty
};

struct PrunedModel {
  Llama model;                      // may share weights with the original
  std::vector<PrunedLevel> levels;  // ascending by name, not necessarily nested
  // Some of its weights are new: what it should learn from is the original, not itself.
  bool merged = false;
};

// Whether a method's models can be adapted, and are as published.
enum class BaselineRecovery {
  kNever,      // there is no fixed model to adapt
  kLater,      // published without
  kPublished,  // published with an adapter that learns the text alone
};

struct BaselineMethod {
  std::string_view name;   // "llm-pruner": on command lines and in files
  std::string_view title;  // "LLM-Pruner"
  std::string_view about;  // what it does and where we deviate, a sentence or two
  BaselineRecovery recovery = BaselineRecovery::kLater;
  // False for upper bounds, which no device can run.
  bool realisable = true;
  // It learns from BaselineInputs::examples itself.
  bool trains = false;
  std::vector<PrunedModel> (*prune)(const BaselineInputs& inputs) = nullptr;
};

// All of them, in the order of tables.
std::span<const BaselineMethod> BaselineMethods();
// nullptr when there is none of that name.
const BaselineMethod* FindBaselineMethod(std::string_view name);

std::vector<PrunedModel> PruneByLlmPruner(const BaselineInputs& inputs);
std::vector<PrunedModel> SkipLayersByLoss(const BaselineInputs& inputs);
std::vector<PrunedModel> SkipLayersByInfluence(const BaselineInputs& inputs);
std::vector<PrunedModel> MergeLayers(const BaselineInputs& inputs);
std::vector<PrunedModel> DropAttention(const BaselineInputs& inputs);
std::vector<PrunedModel> SparsifyByPrediction(const BaselineInputs& inputs);
std::vector<PrunedModel> SparsifyByOracle(const BaselineInputs& inputs);
std::vector<PrunedModel> PruneByFluctuation(const BaselineInputs& inputs);
std::vector<PrunedModel> PruneByWanda(const BaselineInputs& inputs);
std::vector<PrunedModel> PruneByMagnitude(const BaselineInputs& inputs);
std::vector<PrunedModel> PruneAtRandom(const BaselineInputs& inputs);

}  // namespace elm
