// A plan as a table for people.
#pragma once

#include <string>

#include "formats/base/dtype.h"
#include "formats/model/model_config.h"
#include "toolchain/plan/plan.h"

namespace elm {

// One line per requested level: target, reached share, whether it is met, bytes of the layers' kept
// weights stored as `dtype`, and the kept heads/KV heads/neurons by layer, equal neighbours
// together, anchors marked; then the notes.
std::string PlanText(const ModelConfig& config, const PlanResult& result, DType dtype);

}  // namespace elm
