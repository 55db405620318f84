#include "runtime/engine/kv_cache.h"

namespace elm {

Result<KvCache> KvCache::Create(const ModelConfig& config, uint32_t context) {
  KvCache cache;
  cache.context_ = context;
  cache.kv_heads_ = config.kv_heads;
  cache.head_dim_ = config.head_dim;
  const uint64_t extents[] = {config.layers, config.kv_heads, context, config.head_dim};
  ELM_ASSIGN_OR_RETURN(cache.keys_, AllocateFloats(extents, "KV cache"));
  ELM_ASSIGN_OR_RETURN(cache.values_, AllocateFloats(extents, "KV cache"));
  return cache;
}

}  // namespace elm
