// Tensors of a bulk section, one behind the other: rounded, tiled, hashed, written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "formats/base/atomic_file.h"
#include "formats/base/hash.h"
#include "formats/base/status.h"
#include "formats/elm/layout.h"
#include "formats/elm/quantised_tiles.h"
#include "formats/elm/tile_layout.h"
#include "formats/elm/weight_type.h"

namespace elm {

// How a tensor will be stored, and where.
struct PlannedStorage {
  WeightType type;
  TileLayout layout;
  uint64_t offset;  // bytes from the start of its section
  uint64_t size;    // bytes
};

// The row-major matrix `values` as `layout` and `dtype` store it. Fails, naming the element, on a
// value that is not finite after rounding.
Result<std::vector<std::byte>> EncodeTiles(const TileLayout& layout, DType dtype,
                                           std::span<const float> values);

class TensorWriter {
 public:
  // `written` is called with the bytes of the section so far, at least once per tensor.
  using Progress = std::function<void(uint64_t written)>;
  // Rounds the tensor that is being written; called for quantised types only.
  using Quantiser = std::function<Result<QuantisedMatrix>()>;

  TensorWriter(AtomicFile& file, uint64_t section_offset, Progress written);

  // Writes the next tensor, zero bytes in front of it included. The record holds everything but
  // what says which tensor it is.
  Result<layout::TensorRecord> Write(const PlannedStorage& tensor, std::span<const float> values,
                                     const Quantiser& quantiser);

  // Of all bytes so far.
  uint64_t Digest() const { return hash_.Digest(); }

 private:
  Status WriteBytes(std::span<const std::byte> bytes);

  AtomicFile& file_;
  uint64_t section_offset_;
  Progress progress_;
  uint64_t written_ = 0;  // bytes of the section
  Hasher64 hash_;
};

}  // namespace elm
