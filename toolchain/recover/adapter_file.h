// A trained adapter in the workspace: one safetensors file for each level, written when its
// training has ended. Levels are trained together or apart; the files are the same.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "formats/model/level_table.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/recover/adapter_parameters.h"

namespace elm {

// What decides an adapter.
struct AdapterOrigin {
  std::string base;       // LevelBase()
  nlohmann::json recipe;  // Recipe() and the hash of the data

  bool operator==(const AdapterOrigin&) const = default;
};

struct AdapterRecord {
  AdapterOrigin origin;
  uint64_t updates = 0;
  uint64_t tokens = 0;
  // Of the objective on the validation examples, in nats: without adapter, and with it.
  double loss_before = 0;
  double loss_after = 0;
  uint64_t best_update = 0;  // after which the adapter was at its best, and kept
  double seconds = 0;        // of training, over all sittings and all levels trained along with it
  nlohmann::json curve = nlohmann::json::array();
};

// One hash of a level of a model: `model_base` stands for the weights in their order, the level for
// what it keeps of them.
std::string LevelBase(const std::string& model_base, const Level& level);

// "<folder>/level_0.5.safetensors".
std::string AdapterPath(const std::string& folder, const Level& level);

// Atomic. `flat` [parameters.count()].
void SaveAdapter(const std::string& folder, const Level& level, const AdapterParameters& parameters,
                 const torch::Tensor& flat, const AdapterRecord& record);

// Throws elm::Error when the file is missing or damaged.
AdapterRecord ReadAdapterRecord(const std::string& folder, const Level& level);

// The vector that SaveAdapter() was given. Throws elm::Error when the file belongs to another base
// model, level table or rank.
torch::Tensor LoadAdapter(const std::string& folder, const Level& level,
                          const AdapterParameters& parameters, const std::string& base);

}  // namespace elm
