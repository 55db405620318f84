#include "formats/model/level_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace elm {
namespace {

Status ValidateKvOf(const std::vector<uint16_t>& kv_of, const ModelConfig& config) {
  if (kv_of.size() != config.query_heads) {
    return Corruption("kv_of has ", kv_of.size(), " entries, expected ", config.query_heads);
  }
  std::vector<uint32_t> uses(config.kv_heads, 0);
  uint32_t next_unused = 0;
  for (size_t head = 0; head < kv_of.size(); ++head) {
    const uint32_t kv = kv_of[head];
    if (kv > next_unused || kv >= config.kv_heads) {
      return Corruption("kv_of[", head, "] is ", kv, ", expected at most ",
                        std::min(next_unused, config.kv_heads - 1),
                        ": KV heads are ordered by first use");
    }
    if (kv == next_unused) ++next_unused;
    ++uses[kv];
  }
  for (uint32_t kv = 0; kv < config.kv_heads; ++kv) {
    if (uses[kv] != config.queries_per_kv()) {
      return Corruption("KV head ", kv, " serves ", uses[kv], " query heads, expected ",
                        config.queries_per_kv());
    }
  }
  return Status::Ok();
}

Status ValidateSlice(const LayerSlice& slice, const std::vector<uint16_t>& kv_of,
                     const ModelConfig& config) {
  if (slice.query_heads > config.query_heads) {
    return Corruption("keeps ", slice.query_heads, " query heads of ", config.query_heads);
  }
  if (slice.neurons > config.neurons) {
    return Corruption("keeps ", slice.neurons, " neurons of ", config.neurons);
  }
  const uint32_t needed = KvHeadsNeeded(kv_of, slice.query_heads);
  if (slice.kv_heads != needed) {
    return Corruption("keeps ", slice.kv_heads, " KV heads, expected ", needed, " for ",
                      slice.query_heads, " query heads");
  }
  return Status::Ok();
}

bool IsWhole(const LayerSlice& slice, const ModelConfig& config) {
  return slice.query_heads == config.query_heads && slice.neurons == config.neurons;
}

}  // namespace

std::string LevelName(uint32_t name_permille) {
  std::string digits = std::to_string(1000 + name_permille % 1000).substr(1);
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  return StrCat(name_permille / 1000, ".", digits);
}

std::optional<uint32_t> ParseLevelName(std::string_view text) {
  double scale = 1000.0;
  if (text.ends_with('%')) {
    scale = 10.0;
    text.remove_suffix(1);
  }
  double value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (parsed.ec != std::errc() || parsed.ptr != end || !(value > 0)) return std::nullopt;
  const double permille = value * scale;
  if (permille > 1000.0 + 1e-6 || std::abs(permille - std::round(permille)) > 1e-6) {
    return std::nullopt;
  }
  const auto name = static_cast<uint32_t>(std::lround(permille));
  if (name == 0) return std::nullopt;
  return name;
}

Result<size_t> FindLevel(const LevelTable& table, std::string_view text) {
  const std::optional<uint32_t> name = ParseLevelName(text);
  for (size_t i = 0; i < table.levels.size(); ++i) {
    if (name == table.levels[i].name_permille) return i;
  }
  std::string names;
  for (const Level& level : table.levels) {
    names += StrCat(names.empty() ? "" : ", ", LevelName(level.name_permille));
  }
  return InvalidArgument("level \"", text, "\" is not in the table; choose one of ", names);
}

Status Validate(const LevelTable& table, const ModelConfig& config) {
  if (table.levels.empty() || table.levels.size() > kMaxLevels) {
    return Corruption("level table has ", table.levels.size(), " levels, expected 1 to ",
                      kMaxLevels);
  }
  if (table.kv_of.size() != config.layers) {
    return Corruption("kv_of covers ", table.kv_of.size(), " layers, expected ", config.layers);
  }
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    ELM_RETURN_IF_ERROR(ValidateKvOf(table.kv_of[layer], config).In(StrCat("layer ", layer)));
  }
  for (size_t i = 0; i < table.levels.size(); ++i) {
    const Level& level = table.levels[i];
    const std::string where = StrCat("level ", LevelName(level.name_permille));
    if (level.name_permille == 0 || level.name_permille > 1000 ||
        (i > 0 && level.name_permille <= table.levels[i - 1].name_permille)) {
      return Corruption(where, ": names must ascend within (0, 1.0]");
    }
    if (level.layers.size() != config.layers) {
      return Corruption(where, ": has ", level.layers.size(), " layers, expected ", config.layers);
    }
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
      const LayerSlice& slice = level.layers[layer];
      const std::string layer_name = StrCat(where, ": layer ", layer);
      ELM_RETURN_IF_ERROR(ValidateSlice(slice, table.kv_of[layer], config).In(layer_name));
      if (i == 0) continue;
      const LayerSlice& smaller = table.levels[i - 1].layers[layer];
      if (slice.query_heads < smaller.query_heads || slice.neurons < smaller.neurons) {
        return Corruption(layer_name, ": keeps less than the level below it; levels are nested");
      }
    }
  }
  const Level& full = table.full();
  if (full.name_permille != 1000) {
    return Corruption("the last level is ", LevelName(full.name_permille), ", expected 1.0");
  }
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    if (!IsWhole(full.layers[layer], config)) {
      return Corruption("level 1.0: layer ", layer, " is not whole");
    }
  }
  for (size_t i = 0; i < table.anchors.size(); ++i) {
    const uint32_t anchor = table.anchors[i];
    if (anchor >= config.layers || (i > 0 && anchor <= table.anchors[i - 1])) {
      return Corruption("anchor ", anchor, ": expected ascending layer numbers below ",
                        config.layers);
    }
    if (!IsWhole(table.levels.front().layers[anchor], config)) {
      return Corruption("anchor layer ", anchor, " is cut at level ",
                        LevelName(table.levels.front().name_permille));
    }
  }
  return Status::Ok();
}

LevelTable FullLevelOnly(const ModelConfig& config) {
  LevelTable table;
  Level full;
  full.name_permille = 1000;
  full.layers.assign(config.layers, {config.query_heads, config.kv_heads, config.neurons});
  table.levels.push_back(std::move(full));
  std::vector<uint16_t> groups(config.query_heads);
  for (uint32_t head = 0; head < config.query_heads; ++head) {
    groups[head] = static_cast<uint16_t>(head / config.queries_per_kv());
  }
  table.kv_of.assign(config.layers, groups);
  return table;
}

uint32_t KvHeadsNeeded(const std::vector<uint16_t>& kv_of, uint32_t query_heads) {
  uint32_t needed = 0;
  for (uint32_t head = 0; head < query_heads; ++head) {
    needed = std::max<uint32_t>(needed, kv_of[head] + 1U);
  }
  return needed;
}

uint64_t SliceWeights(const ModelConfig& config, const LayerSlice& slice) {
  const uint64_t width = config.width;
  const uint64_t head_dim = config.head_dim;
  return width * head_dim * 2 * (uint64_t{slice.query_heads} + slice.kv_heads) +
         width * 3 * slice.neurons;
}

double TrueShare(const ModelConfig& config, const Level& level) {
  uint64_t kept = 0;
  for (const LayerSlice& slice : level.layers) kept += SliceWeights(config, slice);
  const LayerSlice whole{config.query_heads, config.kv_heads, config.neurons};
  return static_cast<double>(kept) /
         static_cast<double>(SliceWeights(config, whole) * config.layers);
}

}  // namespace elm
