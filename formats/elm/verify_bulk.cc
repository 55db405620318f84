#include <algorithm>
#include <ios>

#include "formats/base/hash.h"
#include "formats/elm/bundle.h"
#include "formats/elm/byte_cursor.h"
#include "formats/elm/quantised_tiles.h"
#include "formats/elm/section_codec.h"

namespace elm {
namespace {

constexpr uint64_t kPieceSize = uint64_t{4} << 20;  // bytes read between two calls of before_read

Status CompareHash(uint64_t stored, uint64_t actual) {
  if (stored == actual) return Status::Ok();
  return Corruption("hash is 0x", std::hex, stored, ", but the bytes have 0x", actual,
                    "; the file is damaged, copy it again");
}

// Reads one section front to back, hashing it as a whole.
class SectionReader {
 public:
  SectionReader(std::span<const std::byte> file, const BundleSection& section,
                const BeforeRead& before_read)
      : file_(file), before_read_(before_read), offset_(section.offset) {}

  // The bytes up to `end` (from the start of the file), added to `part` too where there is one.
  void ReadTo(uint64_t end, Hasher64* part) {
    while (offset_ < end) {
      const uint64_t size = std::min(kPieceSize, end - offset_);
      if (before_read_) before_read_(offset_, size);
      const auto piece = file_.subspan(offset_, size);
      whole_.Update(piece);
      if (part != nullptr) part->Update(piece);
      offset_ += size;
    }
  }

  // The zero bytes in front of a tensor.
  Status ReadPadding(uint64_t end) {
    const auto padding = file_.subspan(offset_, end - offset_);
    ReadTo(end, nullptr);
    if (AllZero(padding)) return Status::Ok();
    return Corruption("the padding before it is not zero; the file is damaged, copy it again");
  }

  uint64_t Digest() const { return whole_.Digest(); }

 private:
  std::span<const std::byte> file_;
  const BeforeRead& before_read_;
  uint64_t offset_;
  Hasher64 whole_;
};

Status VerifyTensor(const BundleStorage& tensor, SectionReader& reader) {
  ELM_RETURN_IF_ERROR(reader.ReadPadding(tensor.offset));
  Hasher64 hasher;
  reader.ReadTo(tensor.offset + tensor.size, &hasher);
  ELM_RETURN_IF_ERROR(CompareHash(tensor.hash, hasher.Digest()));
  if (!IsQuantised(tensor.type)) return Status::Ok();
  const auto bad = FindBadScale(tensor.layout, tensor.type, tensor.bytes);
  if (!bad) return Status::Ok();
  return Corruption("tile ", *bad, " holds a scale that is not a finite number; pack it again");
}

Status VerifySection(std::span<const std::byte> file, const BundleView& view,
                     const BundleSection& section, const BeforeRead& before_read) {
  SectionReader reader(file, section, before_read);
  if (section.kind == layout::SectionKind::kWeights) {
    for (const BundleTensor& tensor : view.tensors) {
      ELM_RETURN_IF_ERROR(VerifyTensor(tensor, reader).In(StrCat("tensor ", tensor.spec.name)));
    }
  }
  if (section.kind == layout::SectionKind::kAdapterWeights) {
    for (const BundleAdapter& adapter : view.adapters) {
      Hasher64 hasher;
      reader.ReadTo(adapter.offset + adapter.plan.size, &hasher);
      ELM_RETURN_IF_ERROR(CompareHash(adapter.hash, hasher.Digest())
                              .In(StrCat("adapter of level ", adapter.level)));
    }
  }
  if (section.kind == layout::SectionKind::kTinyLmWeights && view.tlm) {
    for (const BundleTlmTensor& tensor : view.tlm->tensors) {
      ELM_RETURN_IF_ERROR(
          VerifyTensor(tensor, reader).In(StrCat("tiny LM: tensor ", TlmTensorName(tensor.spec))));
    }
  }
  reader.ReadTo(section.offset + section.size, nullptr);
  return CompareHash(section.hash, reader.Digest())
      .In(StrCat("section ", SectionName(section.kind)));
}

}  // namespace

Status VerifyBulk(std::span<const std::byte> file, const BundleView& view, const std::string& name,
                  const BeforeRead& before_read) {
  for (const BundleSection& section : view.sections) {
    if (!IsBulk(section.kind)) continue;
    ELM_RETURN_IF_ERROR(VerifySection(file, view, section, before_read).In(name));
  }
  return Status::Ok();
}

}  // namespace elm
