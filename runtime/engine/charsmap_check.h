// What the SentencePiece library takes on trust in a model file, checked before it gets to see it.
#pragma once

#include <string_view>

#include "formats/base/status.h"

namespace elm {

// Normalisation rules are stored as a double-array trie that the library walks without looking at
// its bounds, so a damaged one reads outside its memory. Walks the protocol buffer of `model` to
// the rules and makes sure that no step of any walk leaves the array and no result lies behind the
// text that it points into. kCorruption otherwise. The rest of the model is the library's own to
// check.
Status CheckCharsmaps(std::string_view model);

}  // namespace elm
