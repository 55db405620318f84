#include "runtime/cli/memory_flags.h"

namespace elm {

Flag KvFlag() { return {"kv", 0, "TYPE", "keep keys and values as f16 (default), q8 or f32"}; }

Flag NoMmapFlag() {
  return {"no-mmap", 0, "", "copy the bundle into memory, all levels of it, instead of mapping it"};
}

Result<KvType> ReadKv(const ParsedFlags& flags) {
  const std::string name = flags.Text("kv", KvTypeName(KvType::kF16));
  for (const KvType type : {KvType::kF16, KvType::kF32, KvType::kQ8}) {
    if (name == KvTypeName(type)) return type;
  }
  return InvalidArgument("--kv is \"", name, "\", expected f16, q8 or f32");
}

}  // namespace elm
