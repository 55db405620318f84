#include "runtime/engine/kv_cache.h"

namespace elm {

Result<KvCache> KvCache::Create(const ModelConfig& config, uint32_t context, KvType type) {
  KvCache cache;
  cache.type_ = type;
  cache.context_ = context;
  cache.kv_heads_ = config.kv_heads;
  cache.head_dim_ = config.head_dim;
  const uint64_t heads = uint64_t{config.layers} * config.kv_heads;
  const uint64_t keys = KeyElements(context, config.head_dim) * KvElementSize(type);
  const uint64_t values = ValueElements(context, config.head_dim) * KvElementSize(type);
  ELM_ASSIGN_OR_RETURN(cache.keys_, AlignedBuffer<std::byte>::Create({heads, keys}, "KV cache"));
  ELM_ASSIGN_OR_RETURN(cache.values_,
                       AlignedBuffer<std::byte>::Create({heads, values}, "KV cache"));
  return cache;
}

uint64_t KvCache::BytesFor(const ModelConfig& config, uint32_t context, KvType type) {
  const uint64_t heads = uint64_t{config.layers} * config.kv_heads;
  const uint64_t elements =
      KeyElements(context, config.head_dim) + ValueElements(context, config.head_dim);
  return heads * elements * KvElementSize(type);
}

}  // namespace elm
