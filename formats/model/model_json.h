// The shape of a model and of its levels as JSON, in the words that every program prints.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "formats/model/level_table.h"
#include "formats/model/model_config.h"

namespace elm {

// One object: a key for each field.
nlohmann::ordered_json ModelJson(const ModelConfig& config);

// What a level keeps: one object per layer.
nlohmann::ordered_json LayersJson(const Level& level);

}  // namespace elm
