#include "toolchain/pretrain/copy_examples.h"

#include "datasets/pocket/random.h"

namespace elm {
namespace {

constexpr int kShortestBlock = 4;
constexpr int kLongestBlock = 28;
constexpr int kShortestExample = 64;  // tokens
constexpr int kLongestExample = 256;

using Block = std::vector<uint32_t>;

Block RandomBlock(const CopyVocabulary& vocabulary, pocket::Random& random) {
  Block block(static_cast<size_t>(random.Between(kShortestBlock, kLongestBlock)));
  for (uint32_t& id : block) {
    const size_t piece = random.Below(vocabulary.size - vocabulary.first_piece);
    id = vocabulary.first_piece + static_cast<uint32_t>(piece);
  }
  return block;
}

}  // namespace

TrainingExample CopyExamples::Make(uint64_t index) const {
  pocket::Random of_seed(seed_ ^ 0x636f7079636f7079);
  pocket::Random random(of_seed.Next() ^ index);
  const auto length = static_cast<size_t>(random.Between(kShortestExample, kLongestExample));
  TrainingExample example;
  example.Add(vocabulary_.bos, TokenRole::kIgnored);
  std::vector<Block> blocks;
  while (example.ids.size() < length) {
    if (blocks.empty() || random.Chance(0.5)) {
      blocks.push_back(RandomBlock(vocabulary_, random));
      example.Add(blocks.back(), TokenRole::kIgnored);
    } else {
      const size_t begin = example.ids.size();
      example.Add(random.Pick(blocks), TokenRole::kAnswer);
      example.roles[begin] = TokenRole::kIgnored;  // which block comes is not known
    }
  }
  return example;
}

}  // namespace elm
