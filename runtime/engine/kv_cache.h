// Keys and values of the tokens so far.
//
// The cache has room for all KV heads of every layer, whatever the level, and each head's rows lie
// together (kernels/kv_layout.h): a level with fewer heads writes to a prefix, and pages of heads
// that no level in use keeps are never touched.
#pragma once

#include <cstddef>
#include <cstdint>

#include "formats/base/aligned_buffer.h"
#include "formats/base/status.h"
#include "formats/model/model_config.h"
#include "runtime/kernels/kv_layout.h"

namespace elm {

class KvCache {
 public:
  // Room for `context` tokens. kOutOfMemory when the machine has not enough.
  static Result<KvCache> Create(const ModelConfig& config, uint32_t context, KvType type);
  // Bytes that Create() asks for.
  static uint64_t BytesFor(const ModelConfig& config, uint32_t context, KvType type);

  uint32_t context() const { return context_; }
  uint32_t length() const { return length_; }  // tokens held
  size_t level() const { return level_; }      // the level that wrote them, or the last of them

  // Empties the cache; what follows is written by `level`.
  void Reset(size_t level) {
    level_ = level;
    length_ = 0;
  }
  // `tokens` more positions are complete in every layer.
  void Advance(uint32_t tokens) { length_ += tokens; }
  // Drops the positions from `length` on, which is at most length().
  void Truncate(uint32_t length) { length_ = length; }
  // What follows is written by `level`, which keeps no more heads than the level before.
  void Continue(size_t level) { level_ = level; }
  // Gives the memory behind the positions that are held back to the system until it is written
  // again.
  void Trim();

  KvType type() const { return type_; }

  // One head's rows.
  void* keys(uint32_t layer, uint32_t head) {
    return keys_.data() + Head(layer, head) * KeyBytes(type_, context_, head_dim_);
  }
  void* values(uint32_t layer, uint32_t head) {
    return values_.data() + Head(layer, head) * ValueBytes(type_, context_, head_dim_);
  }

 private:
  KvCache() = default;
  size_t Head(uint32_t layer, uint32_t head) const { return size_t{layer} * kv_heads_ + head; }

  uint32_t layers_ = 0;
  KvType type_ = KvType::kF16;
  uint32_t context_ = 0;
  uint32_t kv_heads_ = 0;
  uint32_t head_dim_ = 0;
  uint32_t length_ = 0;
  size_t level_ = 0;
  AlignedBuffer<std::byte> keys_;    // [layers, kv_heads] heads
  AlignedBuffer<std::byte> values_;  // [layers, kv_heads] heads
};

}  // namespace elm
