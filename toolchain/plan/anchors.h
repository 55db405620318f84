// Layers by what skipping them costs.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/workspace/scores.h"

namespace elm {

// All layers, most important first; ties keep the order of the model.
std::vector<uint32_t> LayersByImportance(const LayerScores& scores);

}  // namespace elm
