// A tokenizer for models that have none of their own.
#pragma once

#include <string>

namespace elm {

// A serialised SentencePiece model with one piece per printable ASCII character and 256 byte
// pieces, so that every text has ids. The same bytes every time. Throws elm::Error.
std::string CharacterTokenizer();

}  // namespace elm
