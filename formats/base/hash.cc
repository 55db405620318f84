#include "formats/base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace elm {

struct Hasher64::State {
  XXH3_state_t xxh3;
};

uint64_t Hash64(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

Hasher64::Hasher64() : state_(std::make_unique<State>()) { XXH3_64bits_reset(&state_->xxh3); }
Hasher64::~Hasher64() = default;

void Hasher64::Update(std::span<const std::byte> bytes) {
  if (!bytes.empty()) XXH3_64bits_update(&state_->xxh3, bytes.data(), bytes.size());
}

uint64_t Hasher64::Digest() const { return XXH3_64bits_digest(&state_->xxh3); }

}  // namespace elm
