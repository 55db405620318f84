// How a bundle's matrices are stored, for people: types, groups, bits per weight, and where a
// matrix could not have the type that the others have.
#pragma once

#include <string>

#include "formats/elm/bundle.h"

namespace elm {

// Bits that storing a weight takes, scales and padding included.
struct BitsPerWeight {
  double file = 0;    // everything in the file, over all weights
  double layers = 0;  // matrices of the layers alone
};
BitsPerWeight MeasureBitsPerWeight(const Bundle& bundle);

// A line per kind of matrix and a line of bits per weight, each ending in a newline.
std::string StorageText(const Bundle& bundle);

}  // namespace elm
