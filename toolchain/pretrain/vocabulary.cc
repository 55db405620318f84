#include "toolchain/pretrain/vocabulary.h"

#include <unordered_map>
#include <vector>

#include "datasets/pocket/world.h"
#include "formats/base/status.h"
#include "toolchain/sentencepiece/train.h"

namespace elm {
namespace {

// Lines of the documents, each once per occurrence.
std::vector<std::string> Lines(const VocabularyOptions& options) {
  std::vector<std::string> lines;
  for (uint32_t index = 0; index < options.documents; ++index) {
    const std::string text = pocket::MakeDocument(pocket::Split::kTrain, options.seed, index);
    size_t begin = 0;
    while (begin < text.size()) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      if (end > begin) lines.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return lines;
}

}  // namespace

std::string TrainVocabulary(const VocabularyOptions& options) {
  const std::unordered_map<std::string, std::string> flags = {
      {"model_type", "bpe"},
      {"vocab_size", StrCat(options.size)},
      {"normalization_rule_name", "identity"},
      {"add_dummy_prefix", "false"},
      {"remove_extra_whitespaces", "false"},
      {"byte_fallback", "true"},
      {"character_coverage", "1.0"},
      {"user_defined_symbols", "\n"},
      {"split_digits", "true"},
      {"unk_id", "0"},
      {"bos_id", "1"},
      {"eos_id", "2"},
      {"pad_id", "-1"},
      {"num_threads", "1"},
      {"shuffle_input_sentence", "false"},
      {"minloglevel", "2"},
  };
  return TrainSentencePieces(flags, Lines(options));
}

}  // namespace elm
