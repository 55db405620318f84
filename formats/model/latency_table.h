// How long a model takes on one machine: what decisions about latency are made from.
//
// A reference table is a named input of labelling, so that a bundle does not depend on the machine
// that made it; a device's own table comes from `elm calibrate` and lies beside the bundle. Pure
// data and interpolation; docs/slo.md says what each time holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/status.h"

namespace elm {

// All times are milliseconds, medians of repeated measurements, smoothed so that they never fall
// with tokens or level (MakeMonotone()).
struct LatencyTable {
  // A reference: "reference:" and a name. Otherwise the device and how it computed: what
  // DeviceName() of runtime/orchestrator says. UTF-8 without control characters, at most
  // kMaxLatencyName bytes.
  std::string name;
  uint64_t bundle_hash = 0;  // of the bundle it was measured with; 0 for a reference

  std::vector<uint32_t> level_permille;  // ascending, as in a level table; the last is 1000

  // Tokens of a prompt, ascending; [levels][points] the time from the prompt's text to the first
  // token: tokenisation, prefill, choice of the token.
  std::vector<uint32_t> ttft_tokens;
  std::vector<std::vector<double>> ttft_ms;

  // Tokens in front, ascending; [levels][points] the time of one more token behind them.
  std::vector<uint32_t> tpot_context;
  std::vector<std::vector<double>> tpot_ms;

  // Tokens of the tiny LM over all its windows, ascending, and what reading them takes. Empty
  // without a tiny LM.
  std::vector<uint32_t> tlm_tokens;
  std::vector<double> tlm_ms;

  // Choosing words: everything but the tiny LM between the request and the shortened prompt, per
  // 1000 LLM tokens of the full prompt.
  double selection_ms_per_kilotoken = 0;
  double switch_ms = 0;  // from one level to another
  // How far the slow ones of the measurements lie above the median: p95 / median - 1. Limits are
  // tightened by as much.
  double margin = 0;

  bool operator==(const LatencyTable&) const = default;

  bool is_reference() const;

  // At level `level` (a row of level_permille) for any number of tokens, whole or not. Straight
  // lines between the points; the first point's time below it; behind the last one the steeper of
  // the last segment and the line from the first point to the last, so that what was never
  // measured is rather taken for slow.
  double Ttft(size_t level, double tokens) const;
  double Tpot(size_t level, double context) const;
  double Tlm(double tokens) const;  // 0 without a tiny LM

  // The row named `permille`, else the nearest; of two equally near ones the larger level.
  size_t NearestLevel(uint32_t permille) const;
};

inline constexpr std::string_view kReferencePrefix = "reference:";
inline constexpr size_t kMaxLatencyName = 256;    // bytes
inline constexpr size_t kMaxLatencyPoints = 256;  // of an axis
inline constexpr double kMaxLatencyMs = 1e9;      // 11 days: anything above is damage
inline constexpr double kMaxLatencyMargin = 0.5;

// Every rule of LatencyTable's comments: axes ascending with at least two points (the tiny LM's may
// be empty), times finite, positive and never falling, the margin within [0, kMaxLatencyMargin].
// The message names the field.
Status Validate(const LatencyTable& table);

// Least-squares non-decreasing fit (isotonic regression; pool adjacent violators, Ayer et al.
// 1955), in place.
void MakeNonDecreasing(std::span<double> values);

// Makes all times non-decreasing, along tokens first and then along levels. (The fit keeps the
// order of columns that are ordered elementwise, so the second pass does not undo the first.)
void MakeMonotone(LatencyTable& table);

}  // namespace elm
