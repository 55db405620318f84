// The 512 bytes in front of every HDF5 file of a workspace (its user block): length and checksum,
// checked before HDF5 parses anything.
//
//   bytes  0-7   magic
//   bytes  8-11  guard version, uint32 little-endian
//   bytes 12-15  0
//   bytes 16-23  length of the whole file, uint64
//   bytes 24-31  XXH3-64 of the whole file with these eight bytes taken as 0
//   bytes 32-511 0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "formats/base/status.h"

namespace elm {

// HDF5 looks for its own signature at 0, 512, 1024, ...
inline constexpr size_t kGuardBlockSize = 512;

// Fills in the first bytes of `file`, which is whole but for them.
void SetGuardBlock(std::span<std::byte> file);

// The whole file, block included. The message begins with `path`.
Status CheckGuardBlock(const std::string& path, std::span<const std::byte> file);

}  // namespace elm
