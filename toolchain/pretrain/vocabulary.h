// The vocabulary of a pocket model.
#pragma once

#include <cstdint>
#include <string>

namespace elm {

struct VocabularyOptions {
  uint32_t size = 2048;
  uint64_t seed = 1;           // of the world
  uint32_t documents = 12000;  // that the pieces are counted in, train split
};

// Trains a SentencePiece model on documents of the pocket world: unknown, BOS and EOS are 0, 1 and
// 2, the line end is a piece of its own, digits stand alone, other bytes fall back to byte pieces.
// No piece crosses a blank or a line end, so texts that meet there may be encoded apart. Nothing is
// normalised: decoding gives the text back. The same options give the same bytes.
//
// Throws elm::Error, also when the texts are too few for so many pieces.
std::string TrainVocabulary(const VocabularyOptions& options);

}  // namespace elm
