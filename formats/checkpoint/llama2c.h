// llama2.c's .bin files (https://github.com/karpathy/llama2.c, export.py).
//
//   v0  seven int32, then float32: embedding, attention norms, q, k, v, o, MLP norms, gate, down,
//   up, final
//       norm, two unused rotary tables, head if the vocabulary size is negative (untied)
//   v1  256-byte header with the magic number "ak42" and the version, then float32: attention
//   norms, MLP
//       norms, final norm, embedding, q, k, v, o, gate, down, up, head if untied
//   v2  as v1, norms in float32, every matrix as int8 followed by float32 scales, one per group
//
// No form states rotary base or norm epsilon; llama2.c computes with 10000 and 1e-5.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "formats/base/status.h"
#include "formats/checkpoint/mapped_checkpoint.h"

namespace elm {

// The sources view `bytes`; int8 matrices come out as float32, query and key rows in half-split
// rotary order. Refused: sizes beyond ModelLimits, heads that do not divide, and any length other
// than the one that the header implies. `name` is the file, for messages.
Result<CheckpointContents> ParseLlama2c(std::span<const std::byte> bytes, const std::string& name);

// True when `bytes` begin with the magic number of v1 and v2, or with what can be a v0 header.
bool LooksLikeLlama2c(std::span<const std::byte> bytes);

}  // namespace elm
