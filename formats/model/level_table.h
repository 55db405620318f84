// The level table: which prefix of every layer's units each level keeps.
//
// Units are stored most important first, so a level is three numbers per layer. Query heads share
// KV heads through `kv_of`; KV heads are ordered by first use, so the KV heads that a prefix of
// query heads needs are a prefix too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/status.h"
#include "formats/model/model_config.h"

namespace elm {

// What one level keeps of one layer. All zero means that the layer's block is skipped.
struct LayerSlice {
  uint32_t query_heads = 0;
  uint32_t kv_heads = 0;  // those that the kept query heads use
  uint32_t neurons = 0;

  bool operator==(const LayerSlice&) const = default;
};

struct Level {
  // The target true share in thousandths: 200 is the level "0.2". Names are exact, so they are
  // integers.
  uint32_t name_permille = 0;
  std::vector<LayerSlice> layers;

  bool operator==(const Level&) const = default;
};

struct LevelTable {
  // Ascending in name and nested: no count shrinks from one level to the next. The last level is
  // "1.0" and keeps everything.
  std::vector<Level> levels;
  // [layers][query_heads]: the stored KV head that each stored query head reads.
  std::vector<std::vector<uint16_t>> kv_of;
  // Layers that stay whole at every level, ascending.
  std::vector<uint32_t> anchors;

  bool operator==(const LevelTable&) const = default;

  const Level& full() const { return levels.back(); }
};

inline constexpr uint32_t kMaxLevels = 64;

// "0.2", "0.25", "1.0".
std::string LevelName(uint32_t name_permille);

// "0.2", ".2", "20%" or "1" to thousandths; nothing for anything else or outside (0, 1].
std::optional<uint32_t> ParseLevelName(std::string_view text);

// The level named `text`, or an error that lists the names of the table.
Result<size_t> FindLevel(const LevelTable& table, std::string_view text);

// Every rule of LevelTable's comments holds for `config`; the message names level, layer and rule.
Status Validate(const LevelTable& table, const ModelConfig& config);

// The table of a model that is not elastic yet: one level "1.0", kv_of in contiguous groups.
LevelTable FullLevelOnly(const ModelConfig& config);

// KV heads that the first `query_heads` entries of one layer's kv_of need: 1 + their maximum.
uint32_t KvHeadsNeeded(const std::vector<uint16_t>& kv_of, uint32_t query_heads);

// Weights of q, k, v, o, gate, up and down that a slice keeps, in elements.
uint64_t SliceWeights(const ModelConfig& config, const LayerSlice& slice);

// A level's true share: its kept weights over all weights of q, k, v, o, gate, up, down of all
// layers. Embeddings, head and norms are not counted.
double TrueShare(const ModelConfig& config, const Level& level);

}  // namespace elm
