#include "toolchain/pack/character_tokenizer.h"

#include <vector>

#include "toolchain/sentencepiece/train.h"

namespace elm {

std::string CharacterTokenizer() {
  std::vector<std::string> characters;
  for (char character = '!'; character <= '~'; ++character) characters.emplace_back(1, character);
  return TrainSentencePieces({{"model_type", "char"},
                              {"vocab_size", "400"},
                              {"hard_vocab_limit", "false"},
                              {"byte_fallback", "true"},
                              {"character_coverage", "1.0"},
                              {"normalization_rule_name", "identity"},
                              {"minloglevel", "2"}},
                             characters);
}

}  // namespace elm
