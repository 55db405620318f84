// The tables behind unicode.h, made by make_unicode_tables.py.
#pragma once

#include <cstdint>
#include <span>

namespace elm {

// Runs of characters with the same flags, ascending: first character << 8 | CharacterFlags.
std::span<const uint32_t> CharacterRunTable();

// Characters `first`, first + 1 + gap, ... , `count` of them, become the one `distance` behind
// them.
struct FoldRun {
  uint32_t first : 21;
  uint32_t count : 10;
  uint32_t gap : 1;
  int32_t distance;
};
std::span<const FoldRun> FoldRunTable();  // ascending, not interleaved

// A character that becomes two or three; 0 behind two.
struct FoldSeveral {
  uint32_t code;
  uint32_t folded[3];
};
std::span<const FoldSeveral> FoldSeveralTable();  // ascending

}  // namespace elm
