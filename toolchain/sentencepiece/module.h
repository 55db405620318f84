// What the private SentencePiece module exports. It is one shared library, libelm_sentencepiece.so,
// that lies beside the program and is loaded so that its protobuf and LibTorch's never meet; see
// runtime/engine/sentence_pieces.h for why.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/engine/sentence_pieces.h"

namespace elm {

inline constexpr char kModuleFile[] = "libelm_sentencepiece.so";
inline constexpr char kNewPiecesSymbol[] = "elm_new_sentence_pieces";
inline constexpr char kTrainSymbol[] = "elm_train_sentence_pieces";

// The caller owns the result.
using NewPiecesFunction = SentencePieces* (*)();

// Puts a serialised model into `model`, or the library's reason for refusing into `error`.
using TrainFunction = bool (*)(const std::unordered_map<std::string, std::string>& options,
                               const std::vector<std::string>& sentences, std::string& model,
                               std::string& error);

}  // namespace elm
