#include "formats/model/latency_table.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "formats/base/printable.h"
#include "formats/base/utf8.h"
#include "formats/model/level_table.h"

namespace elm {
namespace {

// The straight lines of LatencyTable's comment; at least two points.
double Interpolate(const std::vector<uint32_t>& axis, const std::vector<double>& times, double x) {
  const auto at = [&](size_t i) { return static_cast<double>(axis[i]); };
  const size_t last = axis.size() - 1;
  if (!(x > at(0))) return times[0];
  if (x >= at(last)) {
    const double segment = (times[last] - times[last - 1]) / (at(last) - at(last - 1));
    const double whole = (times[last] - times[0]) / (at(last) - at(0));
    return times[last] + std::max(segment, whole) * (x - at(last));
  }
  const auto above = std::upper_bound(axis.begin(), axis.end(), x,
                                      [](double value, uint32_t point) { return value < point; });
  const auto right = static_cast<size_t>(above - axis.begin());
  const double part = (x - at(right - 1)) / (at(right) - at(right - 1));
  return times[right - 1] + part * (times[right] - times[right - 1]);
}

Status ValidateName(const std::string& name) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (name.empty() || name.size() > kMaxLatencyName || FindInvalidUtf8(name) ||
      std::any_of(name.begin(), name.end(), is_control)) {
    return Corruption("latency table: name is ", Printable(name), ", expected 1 to ",
                      kMaxLatencyName, " bytes of UTF-8 without control characters");
  }
  return Status::Ok();
}

Status ValidateAxis(const char* field, const std::vector<uint32_t>& axis) {
  if (axis.size() < 2 || axis.size() > kMaxLatencyPoints) {
    return Corruption("latency table: ", field, " has ", axis.size(), " points, expected 2 to ",
                      kMaxLatencyPoints);
  }
  const auto unordered = std::adjacent_find(axis.begin(), axis.end(), std::greater_equal<>());
  if (unordered != axis.end()) {
    return Corruption("latency table: ", field, " is ", *unordered, " and then ", unordered[1],
                      ", expected ascending numbers");
  }
  return Status::Ok();
}

Status ValidateTimes(const std::string& field, const std::vector<double>& times, size_t points) {
  if (times.size() != points) {
    return Corruption("latency table: ", field, " has ", times.size(), " times, expected ", points);
  }
  for (size_t i = 0; i < points; ++i) {
    if (!(times[i] > 0) || !(times[i] <= kMaxLatencyMs)) {
      return Corruption("latency table: ", field, "[", i, "] is ", times[i],
                        " ms, expected a time above 0 and at most ", kMaxLatencyMs);
    }
    if (i > 0 && times[i] < times[i - 1]) {
      return Corruption("latency table: ", field, "[", i, "] is ", times[i], " ms, less than the ",
                        times[i - 1], " ms before it; times never fall with tokens");
    }
  }
  return Status::Ok();
}

Status ValidateRows(const char* field, const std::vector<uint32_t>& levels,
                    const std::vector<std::vector<double>>& rows, size_t points) {
  if (rows.size() != levels.size()) {
    return Corruption("latency table: ", field, " has ", rows.size(), " levels, expected ",
                      levels.size());
  }
  for (size_t level = 0; level < rows.size(); ++level) {
    const std::string name = StrCat(field, " of level ", LevelName(levels[level]));
    ELM_RETURN_IF_ERROR(ValidateTimes(name, rows[level], points));
    for (size_t i = 0; level > 0 && i < points; ++i) {
      if (rows[level][i] < rows[level - 1][i]) {
        return Corruption("latency table: ", name, " is ", rows[level][i], " ms at point ", i,
                          ", less than the ", rows[level - 1][i],
                          " ms of the level below it; times never fall with the level");
      }
    }
  }
  return Status::Ok();
}

Status ValidateLevels(const std::vector<uint32_t>& levels) {
  const bool ascends =
      std::adjacent_find(levels.begin(), levels.end(), std::greater_equal<>()) == levels.end();
  if (levels.empty() || levels.size() > kMaxLevels || !ascends || levels.front() == 0 ||
      levels.back() != 1000) {
    return Corruption("latency table: level_permille has ", levels.size(),
                      " levels, expected 1 to ", kMaxLevels,
                      " ascending ones above 0, the last being 1000");
  }
  return Status::Ok();
}

Status ValidateScalar(const char* field, double value, double most) {
  if (value >= 0 && value <= most) return Status::Ok();
  return Corruption("latency table: ", field, " is ", value, ", expected 0 to ", most);
}

void MakeRowsMonotone(std::vector<std::vector<double>>& rows) {
  for (std::vector<double>& row : rows) MakeNonDecreasing(row);
  std::vector<double> column(rows.size());
  for (size_t i = 0; !rows.empty() && i < rows.front().size(); ++i) {
    for (size_t level = 0; level < rows.size(); ++level) column[level] = rows[level][i];
    MakeNonDecreasing(column);
    for (size_t level = 0; level < rows.size(); ++level) rows[level][i] = column[level];
  }
}

}  // namespace

bool LatencyTable::is_reference() const { return name.starts_with(kReferencePrefix); }

double LatencyTable::Ttft(size_t level, double tokens) const {
  return Interpolate(ttft_tokens, ttft_ms[level], tokens);
}

double LatencyTable::Tpot(size_t level, double context) const {
  return Interpolate(tpot_context, tpot_ms[level], context);
}

double LatencyTable::Tlm(double tokens) const {
  return tlm_tokens.empty() ? 0 : Interpolate(tlm_tokens, tlm_ms, tokens);
}

size_t LatencyTable::NearestLevel(uint32_t permille) const {
  const auto above = std::lower_bound(level_permille.begin(), level_permille.end(), permille);
  if (above == level_permille.end()) return level_permille.size() - 1;
  const auto right = static_cast<size_t>(above - level_permille.begin());
  if (right == 0) return 0;
  const bool left_is_nearer = permille - level_permille[right - 1] < *above - permille;
  return left_is_nearer ? right - 1 : right;
}

Status Validate(const LatencyTable& table) {
  ELM_RETURN_IF_ERROR(ValidateName(table.name));
  if (table.is_reference() && table.bundle_hash != 0) {
    return Corruption("latency table: ", Printable(table.name),
                      " is a reference and names a bundle, expected a bundle_hash of 0");
  }
  ELM_RETURN_IF_ERROR(ValidateLevels(table.level_permille));
  ELM_RETURN_IF_ERROR(ValidateAxis("ttft_tokens", table.ttft_tokens));
  ELM_RETURN_IF_ERROR(
      ValidateRows("ttft_ms", table.level_permille, table.ttft_ms, table.ttft_tokens.size()));
  ELM_RETURN_IF_ERROR(ValidateAxis("tpot_context", table.tpot_context));
  ELM_RETURN_IF_ERROR(
      ValidateRows("tpot_ms", table.level_permille, table.tpot_ms, table.tpot_context.size()));
  if (!table.tlm_tokens.empty() || !table.tlm_ms.empty()) {
    ELM_RETURN_IF_ERROR(ValidateAxis("tlm_tokens", table.tlm_tokens));
    ELM_RETURN_IF_ERROR(ValidateTimes("tlm_ms", table.tlm_ms, table.tlm_tokens.size()));
  }
  ELM_RETURN_IF_ERROR(ValidateScalar("selection_ms_per_kilotoken", table.selection_ms_per_kilotoken,
                                     kMaxLatencyMs));
  ELM_RETURN_IF_ERROR(ValidateScalar("switch_ms", table.switch_ms, kMaxLatencyMs));
  return ValidateScalar("margin", table.margin, kMaxLatencyMargin);
}

void MakeNonDecreasing(std::span<double> values) {
  // Blocks of equal fit from the left; one that falls below its left neighbour joins it.
  struct Block {
    double mean;
    size_t count;
  };
  std::vector<Block> blocks;
  for (const double value : values) {
    Block block{value, 1};
    while (!blocks.empty() && blocks.back().mean >= block.mean) {
      const Block left = blocks.back();
      blocks.pop_back();
      const size_t count = left.count + block.count;
      block.mean = (left.mean * static_cast<double>(left.count) +
                    block.mean * static_cast<double>(block.count)) /
                   static_cast<double>(count);
      block.count = count;
    }
    blocks.push_back(block);
  }
  auto next = values.begin();
  for (const Block& block : blocks) next = std::fill_n(next, block.count, block.mean);
}

void MakeMonotone(LatencyTable& table) {
  MakeRowsMonotone(table.ttft_ms);
  MakeRowsMonotone(table.tpot_ms);
  MakeNonDecreasing(table.tlm_ms);
}

}  // namespace elm
