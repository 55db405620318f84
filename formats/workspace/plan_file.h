// The plan on disk: level table and unit order of one elastic model, in one HDF5 file.
#pragma once

#include <string>

#include "formats/base/status.h"
#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "formats/model/unit_order.h"

namespace elm {

struct ElasticPlan {
  LevelTable levels;
  UnitOrder order;

  bool operator==(const ElasticPlan&) const = default;
};

// Atomic. Load validates against `config` as well as against itself.
Status SavePlan(const std::string& path, const ElasticPlan& plan);
Result<ElasticPlan> LoadPlan(const std::string& path, const ModelConfig& config);

}  // namespace elm
