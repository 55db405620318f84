// A bundle's level table for people to read.
#pragma once

#include <string>

#include "formats/elm/bundle.h"

namespace elm {

// One line per level: name, reached true share, bytes of weights, and per layer that is no anchor
// the range of query heads, KV heads and neurons kept; then the anchor layers. Ends with a newline.
std::string LevelTableText(const BundleView& view);

}  // namespace elm
