#include "runtime/engine/kv_cache.h"

namespace elm {

Result<KvCache> KvCache::Create(const ModelConfig& config, uint32_t context) {
  KvCache cache;
  cache.context_ = context;
  cache.kv_heads_ = config.kv_heads;
  cache.head_dim_ = config.head_dim;
  const uint64_t heads = uint64_t{config.layers} * config.kv_heads;
  ELM_ASSIGN_OR_RETURN(cache.keys_, AlignedBuffer<uint16_t>::Create(
                                        {heads, KeyHalves(context, config.head_dim)}, "KV cache"));
  ELM_ASSIGN_OR_RETURN(
      cache.values_,
      AlignedBuffer<uint16_t>::Create({heads, ValueHalves(context, config.head_dim)}, "KV cache"));
  return cache;
}

uint64_t KvCache::BytesFor(const ModelConfig& config, uint32_t context) {
  const uint64_t heads = uint64_t{config.layers} * config.kv_heads;
  const uint64_t halves =
      KeyHalves(context, config.head_dim) + ValueHalves(context, config.head_dim);
  return heads * halves * sizeof(uint16_t);
}

}  // namespace elm
