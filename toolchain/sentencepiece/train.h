// Training a SentencePiece vocabulary.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

namespace elm {

// Returns the serialised model. `options` are the library's own training flags without dashes, such
// as
// {"vocab_size", "2048"}. Throws elm::Error with the library's words when it refuses.
std::string TrainSentencePieces(const std::unordered_map<std::string, std::string>& options,
                                const std::vector<std::string>& sentences);

}  // namespace elm
