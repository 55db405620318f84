#include "toolchain/plan/plan_text.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace elm {
namespace {

uint64_t KeptWeights(const ModelConfig& config, const Level& level) {
  uint64_t kept = 0;
  for (const LayerSlice& slice : level.layers) kept += SliceWeights(config, slice);
  return kept;
}

// "2*" for an anchor, "3-7" for neighbours.
std::string LayerRange(uint32_t first, uint32_t last, bool anchor) {
  return StrCat(first, first == last ? "" : StrCat("-", last), anchor ? "*" : "");
}

// "0* 6/2/512, 1-5 2/1/96".
std::string SlicesText(const Level& level, const std::vector<uint32_t>& anchors) {
  const auto is_anchor = [&](uint32_t layer) {
    return std::binary_search(anchors.begin(), anchors.end(), layer);
  };
  const auto count = static_cast<uint32_t>(level.layers.size());
  std::string text;
  for (uint32_t first = 0; first < count;) {
    uint32_t last = first;
    while (last + 1 < count && level.layers[last + 1] == level.layers[first] &&
           is_anchor(last + 1) == is_anchor(first)) {
      ++last;
    }
    const LayerSlice& slice = level.layers[first];
    text += StrCat(first == 0 ? "" : ", ", LayerRange(first, last, is_anchor(first)), " ",
                   slice.query_heads, "/", slice.kv_heads, "/", slice.neurons);
    first = last + 1;
  }
  return text;
}

const Level* FindByName(const LevelTable& table, uint32_t name_permille) {
  for (const Level& level : table.levels) {
    if (level.name_permille == name_permille) return &level;
  }
  return nullptr;
}

std::string Row(const std::string& level, const std::string& reached, const std::string& met,
                const std::string& bytes, const std::string& slices) {
  std::ostringstream out;
  out << std::left << std::setw(7) << level << std::setw(9) << reached << std::setw(5) << met
      << std::right << std::setw(15) << bytes << "  " << slices << "\n";
  return std::move(out).str();
}

std::string ShareText(double share) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(4) << share;
  return std::move(out).str();
}

}  // namespace

std::string PlanText(const ModelConfig& config, const PlanResult& result, DType dtype) {
  const LevelTable& table = result.plan.levels;
  std::string text = Row("level", "reached", "met", "layer bytes",
                         "layers: heads/KV heads/neurons (* anchor, whole at every level)");
  std::string notes;
  for (const LevelReport& report : result.reports) {
    const std::string name = LevelName(report.name_permille);
    const Level* level = FindByName(table, report.name_permille);
    text +=
        Row(name, ShareText(report.reached_share), report.met ? "yes" : "no",
            level == nullptr ? "-" : std::to_string(KeptWeights(config, *level) * DTypeSize(dtype)),
            level == nullptr ? "merged" : SlicesText(*level, table.anchors));
    if (!report.note.empty()) notes += StrCat("level ", name, ": ", report.note, "\n");
  }
  return text + notes;
}

}  // namespace elm
