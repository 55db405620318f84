#include "runtime/engine/charsmap_check.h"

#include <cstdint>
#include <cstring>
#include <optional>

namespace elm {
namespace {

// Field numbers of sentencepiece_model.proto.
constexpr uint64_t kNormalizerSpec = 3;
constexpr uint64_t kDenormalizerSpec = 5;
constexpr uint64_t kPrecompiledCharsmap = 2;  // of either

Status Broken(const char* what) { return Corruption("protocol buffer: ", what); }

// One field of a protocol buffer message after the other.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message) : rest_(message) {}

  bool done() const { return rest_.empty(); }
  uint64_t number() const { return number_; }
  std::string_view bytes() const { return bytes_; }  // empty unless the field has a length

  Status Next() {
    const std::optional<uint64_t> key = Varint();
    if (!key) return Broken("a field's number does not end");
    number_ = *key >> 3;
    bytes_ = {};
    switch (*key & 7) {
      case 0:
        return Varint() ? Status::Ok() : Broken("a number does not end");
      case 1:
        return Skip(8);
      case 2:
        return ReadBytes();
      case 5:
        return Skip(4);
      default:
        return Broken("a field of an unknown kind");
    }
  }

 private:
  std::optional<uint64_t> Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  Status Skip(uint64_t size) {
    if (size > rest_.size()) return Broken("a field ends behind its message");
    rest_.remove_prefix(size);
    return Status::Ok();
  }

  Status ReadBytes() {
    const std::optional<uint64_t> size = Varint();
    if (!size) return Broken("a length does not end");
    const std::string_view from_here = rest_;
    ELM_RETURN_IF_ERROR(Skip(*size));
    bytes_ = from_here.substr(0, *size);
    return Status::Ok();
  }

  std::string_view rest_;
  uint64_t number_ = 0;
  std::string_view bytes_;
};

// One unit of a darts-clone double array.
struct Unit {
  uint32_t bits;

  bool is_value() const { return bits >> 31 != 0; }
  bool has_leaf() const { return (bits >> 8 & 1) != 0; }
  uint64_t offset() const { return uint64_t{bits >> 10} << ((bits & (1U << 9)) >> 6); }
  uint64_t value() const { return bits & 0x7fffffffU; }
};

Unit UnitAt(std::string_view trie, uint64_t index) {
  Unit unit;
  std::memcpy(&unit.bits, trie.data() + index * sizeof(unit.bits), sizeof(unit.bits));
  return unit;
}

// From unit i a walk goes to (i ^ offset) ^ byte for any byte, and its value lies at i ^ offset.
Status CheckTrie(std::string_view trie, uint64_t text_size) {
  const uint64_t units = trie.size() / sizeof(uint32_t);
  for (uint64_t i = 0; i < units; ++i) {
    const Unit unit = UnitAt(trie, i);
    if (unit.is_value() && i != 0) continue;  // no walk goes on from here
    const uint64_t next = i ^ unit.offset();
    if ((next | 0xff) >= units) {
      return Corruption("normalisation rules: unit ", i, " leads to unit ", next | 0xff, " of ",
                        units);
    }
    if (unit.has_leaf() && UnitAt(trie, next).value() >= text_size) {
      return Corruption("normalisation rules: unit ", next, " points to byte ",
                        UnitAt(trie, next).value(), " of ", text_size);
    }
  }
  return Status::Ok();
}

// u32 size of the trie, trie, the texts that its values point into.
Status CheckCharsmap(std::string_view charsmap) {
  if (charsmap.empty()) return Status::Ok();
  uint32_t trie_size = 0;
  if (charsmap.size() < sizeof(trie_size)) {
    return Corruption("normalisation rules: ", charsmap.size(), " bytes are too few");
  }
  std::memcpy(&trie_size, charsmap.data(), sizeof(trie_size));
  charsmap.remove_prefix(sizeof(trie_size));
  if (trie_size == 0 || trie_size % sizeof(uint32_t) != 0 || trie_size > charsmap.size()) {
    return Corruption("normalisation rules: a trie of ", trie_size, " bytes in ", charsmap.size());
  }
  return CheckTrie(charsmap.substr(0, trie_size), charsmap.size() - trie_size);
}

Status CheckNormalizer(std::string_view spec) {
  FieldReader fields(spec);
  while (!fields.done()) {
    ELM_RETURN_IF_ERROR(fields.Next());
    if (fields.number() == kPrecompiledCharsmap) ELM_RETURN_IF_ERROR(CheckCharsmap(fields.bytes()));
  }
  return Status::Ok();
}

}  // namespace

Status CheckCharsmaps(std::string_view model) {
  FieldReader fields(model);
  while (!fields.done()) {
    ELM_RETURN_IF_ERROR(fields.Next());
    if (fields.number() == kNormalizerSpec || fields.number() == kDenormalizerSpec) {
      ELM_RETURN_IF_ERROR(CheckNormalizer(fields.bytes()));
    }
  }
  return Status::Ok();
}

}  // namespace elm
