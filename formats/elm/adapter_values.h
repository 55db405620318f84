// The numbers of an adapter that a bundle holds.
#pragma once

#include <span>

#include "formats/elm/bundle.h"

namespace elm {

// One matrix of an adapter as float32, row-major: as many values as its rows times its columns.
void DecodeAdapter(const BundleAdapter& adapter, const AdapterTensor& tensor,
                   std::span<float> values);

}  // namespace elm
