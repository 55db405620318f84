// Everything that a bundle says, as JSON, for `elmc dump` and for scripts.
#pragma once

#include <string>

#include "formats/elm/bundle.h"

namespace elm {

// One JSON object, indented by two spaces, without a final newline: version, sections, model,
// levels, kv_of, anchors, generation, tensors, tiny_lm, reference_latency, accuracy (null where
// absent), provenance. Weights are not in it, hashes are ("0x"
// and 16 digits). Provenance that is not JSON appears as a string.
std::string DumpJson(const BundleView& view);

}  // namespace elm
