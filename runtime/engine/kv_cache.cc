#include "runtime/engine/kv_cache.h"

namespace elm {

Result<KvCache> KvCache::Create(const ModelConfig& config, uint32_t context, KvType type) {
  KvCache cache;
  cache.layers_ = config.layers;
  cache.type_ = type;
  cache.context_ = context;
  cache.kv_heads_ = config.kv_heads;
  cache.head_dim_ = config.head_dim;
  const uint64_t heads = uint64_t{config.layers} * config.kv_heads;
  const uint64_t keys = KeyBytes(type, context, config.head_dim);
  const uint64_t values = ValueBytes(type, context, config.head_dim);
  ELM_ASSIGN_OR_RETURN(cache.keys_, AlignedBuffer<std::byte>::Create({heads, keys}, "KV cache"));
  ELM_ASSIGN_OR_RETURN(cache.values_,
                       AlignedBuffer<std::byte>::Create({heads, values}, "KV cache"));
  return cache;
}

uint64_t KvCache::BytesFor(const ModelConfig& config, uint32_t context, KvType type) {
  const uint64_t heads = uint64_t{config.layers} * config.kv_heads;
  return heads *
         (KeyBytes(type, context, config.head_dim) + ValueBytes(type, context, config.head_dim));
}

void KvCache::Trim() {
  const size_t keys_of_head = KeyBytes(type_, context_, head_dim_);
  const size_t values_of_head = ValueBytes(type_, context_, head_dim_);
  const size_t keys_held = KeyBytes(type_, length_, head_dim_);
  const size_t values_held = ValueBytes(type_, length_, head_dim_);
  for (size_t head = 0; head < size_t{layers_} * kv_heads_; ++head) {
    keys_.Discard(head * keys_of_head + keys_held, (head + 1) * keys_of_head);
    values_.Discard(head * values_of_head + values_held, (head + 1) * values_of_head);
  }
}

}  // namespace elm
