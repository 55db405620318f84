// A latency table as a JSON file: what `elm calibrate` writes and what may be kept under version
// control as a reference. docs/slo.md describes the fields.
#pragma once

#include <string>
#include <string_view>

#include "formats/base/status.h"
#include "formats/model/latency_table.h"

namespace elm {

inline constexpr const char* kLatencySchema = "elm-latency";
inline constexpr uint32_t kLatencySchemaVersion = 1;
inline constexpr uint64_t kLargestLatencyFile = uint64_t{4} << 20;  // bytes

// Ends with a line feed. ParseLatencyJson() reads back the same table, bit for bit.
std::string LatencyJson(const LatencyTable& table);

// A valid table, or an error that names the field; `name` is the file.
Result<LatencyTable> ParseLatencyJson(std::string_view text, const std::string& name);

// Reads a file of at most kLargestLatencyFile bytes.
Result<LatencyTable> ReadLatencyFile(const std::string& path);

}  // namespace elm
