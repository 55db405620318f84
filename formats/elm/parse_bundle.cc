// The validator: from bytes that nobody vouches for to a BundleView. The order of checks is that of
// docs/elm-format.md, "What opening checks".

#include <algorithm>
#include <ios>
#include <utility>

#include "formats/base/checked_math.h"
#include "formats/base/hash.h"
#include "formats/base/utf8.h"
#include "formats/elm/bundle.h"
#include "formats/elm/byte_cursor.h"
#include "formats/elm/section_codec.h"

namespace elm {
namespace {

using layout::Header;
using layout::SectionEntry;
using layout::SectionKind;

constexpr const char* kDamaged = "; the file is damaged, copy it again";

std::string Hex(uint64_t value) { return StrCat("0x", std::hex, value); }

Status CheckHash(const char* field, uint64_t stored, std::span<const std::byte> bytes) {
  const uint64_t actual = Hash64(bytes);
  if (actual == stored) return Status::Ok();
  return Corruption(field, " is ", Hex(stored), ", but the bytes have ", Hex(actual), kDamaged);
}

Status ExpectField(const char* field, uint64_t actual, uint64_t expected) {
  if (actual == expected) return Status::Ok();
  return Corruption(field, " is ", actual, ", expected ", expected);
}

Status CheckMagic(std::span<const std::byte> file) {
  if (file.empty()) return Corruption("the file is empty, not an .elm bundle");
  const auto magic = std::as_bytes(std::span(layout::kMagic));
  const auto begin = file.first(std::min(file.size(), magic.size()));
  if (std::equal(begin.begin(), begin.end(), magic.begin())) {
    if (begin.size() == magic.size()) return Status::Ok();
    return Corruption("truncated: the file has ", file.size(), " bytes, less than a header");
  }
  // "ELM" near the front under a changed first byte or changed line ends: a transfer as text does
  // that.
  if (AsText(begin).find("ELM") != std::string_view::npos) {
    return Corruption(
        "magic is damaged as by a transfer in text mode; copy the file again in "
        "binary mode");
  }
  std::string bytes;
  for (std::byte byte : begin) bytes += StrCat(" ", std::hex, std::to_integer<int>(byte));
  return Corruption("not an .elm bundle: it begins with the bytes", bytes);
}

Status CheckVersion(const Header& header) {
  if (header.major == layout::kMajor) return Status::Ok();
  return Unsupported("the bundle has version ", header.major, ".", header.minor,
                     ", this reader knows ", layout::kMajor, ".", layout::kMinor,
                     "; use a matching elm, or pack the bundle again");
}

// A later minor version may have more fields, in front of the hash.
Status CheckHeaderSize(const Header& header) {
  const uint32_t size = header.header_size;
  if (header.minor <= layout::kMinor) return ExpectField("header_size", size, sizeof(Header));
  if (size >= sizeof(Header) && size <= layout::kMaxHeaderSize && size % sizeof(uint64_t) == 0) {
    return Status::Ok();
  }
  return Corruption("header_size is ", size, ", expected a multiple of 8 from ", sizeof(Header),
                    " to ", layout::kMaxHeaderSize);
}

Status CheckFileSize(uint64_t declared, uint64_t actual) {
  if (declared == actual) return Status::Ok();
  if (actual < declared) {
    return Corruption("file_size is ", declared, ", but the file has only ", actual,
                      " bytes: it is truncated, copy it again");
  }
  return Corruption("file_size is ", declared, ", but the file has ", actual,
                    " bytes: ", actual - declared, " too many, copy it again");
}

Result<Header> ParseHeader(std::span<const std::byte> file) {
  ELM_RETURN_IF_ERROR(CheckMagic(file));
  if (file.size() < sizeof(Header)) {
    return Corruption("truncated: the file has ", file.size(), " bytes, less than a header");
  }
  auto header = ReadAt<Header>(file, 0);
  ELM_RETURN_IF_ERROR(CheckVersion(header));
  ELM_RETURN_IF_ERROR(CheckHeaderSize(header));
  if (file.size() < header.header_size) {
    return Corruption("truncated: the file has ", file.size(), " bytes, less than a header");
  }
  const size_t hashed = header.header_size - sizeof header.header_hash;
  header.header_hash = ReadAt<uint64_t>(file, hashed);
  ELM_RETURN_IF_ERROR(CheckHash("header_hash", header.header_hash, file.first(hashed)));
  ELM_RETURN_IF_ERROR(CheckFileSize(header.file_size, file.size()));
  if (header.file_size > layout::kMaxFileSize) {
    return Corruption("file_size is ", header.file_size, ", at most ", layout::kMaxFileSize,
                      " are allowed");
  }
  ELM_RETURN_IF_ERROR(
      ExpectField("section_table_offset", header.section_table_offset, header.header_size));
  ELM_RETURN_IF_ERROR(
      ExpectField("section_entry_size", header.section_entry_size, sizeof(SectionEntry)));
  ELM_RETURN_IF_ERROR(ExpectField("reserved", header.reserved, 0));
  if (header.section_count < 1 || header.section_count > layout::kMaxSections) {
    return Corruption("section_count is ", header.section_count, ", expected 1 to ",
                      layout::kMaxSections);
  }
  return header;
}

// What an entry says of itself, before its place in the file.
Status CheckEntry(const SectionEntry& entry) {
  if ((entry.flags & ~layout::kKnownFlags) != 0) {
    return Unsupported("flags are ", Hex(entry.flags), ", this reader knows ",
                       Hex(layout::kKnownFlags));
  }
  ELM_RETURN_IF_ERROR(ExpectField("reserved", entry.reserved, 0));
  if (IsKnown(entry.kind)) {
    ELM_RETURN_IF_ERROR(ExpectField("flags", entry.flags, FlagsOf(entry.kind)));
  } else if ((entry.flags & layout::kRequired) != 0) {
    return Unsupported("the kind is unknown to this reader, and flags say that it is required; ",
                       "use a newer elm");
  } else {
    const uint32_t expected = IsBulk(entry.kind) ? uint32_t{layout::kBulk} : 0U;
    ELM_RETURN_IF_ERROR(ExpectField("flags", entry.flags, expected));
  }
  if (entry.size == 0) return Corruption("size is 0, but no section is empty");
  if (!IsBulk(entry.kind) && entry.size > layout::kMaxSmallSection) {
    return Corruption("size is ", entry.size, ", at most ", layout::kMaxSmallSection,
                      " are allowed");
  }
  return Status::Ok();
}

std::string SectionLabel(SectionKind kind) {
  return StrCat("section ", SectionName(kind), " (kind ", Hex(static_cast<uint32_t>(kind)), ")");
}

// An entry's place: behind what ends at `previous_end`, zero bytes between, inside the file.
Status CheckPlace(const SectionEntry& entry, uint64_t previous_end,
                  std::span<const std::byte> file) {
  const uint64_t expected = AlignUp(previous_end, layout::kSectionAlignment);
  ELM_RETURN_IF_ERROR(ExpectField("offset", entry.offset, expected));
  if (!RangeFits(entry.offset, entry.size, file.size())) {
    return Corruption("offset ", entry.offset, " and size ", entry.size,
                      " lie outside the file of ", file.size(), " bytes");
  }
  if (!AllZero(file.subspan(previous_end, entry.offset - previous_end))) {
    return Corruption("the padding before it, from byte ", previous_end, ", is not zero", kDamaged);
  }
  return Status::Ok();
}

Status CheckSection(const SectionEntry& entry, SectionKind previous_kind, uint64_t previous_end,
                    std::span<const std::byte> file) {
  if (entry.kind <= previous_kind) {
    return Corruption("kinds must ascend, but the one before is ",
                      Hex(static_cast<uint32_t>(previous_kind)));
  }
  ELM_RETURN_IF_ERROR(CheckEntry(entry));
  return CheckPlace(entry, previous_end, file);
}

Result<std::vector<BundleSection>> ParseSectionTable(std::span<const std::byte> file,
                                                     const Header& header) {
  const uint64_t size = uint64_t{header.section_count} * sizeof(SectionEntry);
  if (!RangeFits(header.section_table_offset, size, file.size())) {
    return Corruption("section_count is ", header.section_count, ", but the file has only ",
                      file.size(), " bytes");
  }
  const auto table = file.subspan(header.section_table_offset, size);
  ELM_RETURN_IF_ERROR(CheckHash("section_table_hash", header.section_table_hash, table));
  std::vector<BundleSection> sections;
  uint64_t end = header.section_table_offset + size;
  ByteCursor cursor(table);
  for (uint32_t i = 0; i < header.section_count; ++i) {
    const auto entry = cursor.Next<SectionEntry>();
    const auto previous = i == 0 ? SectionKind{0} : sections.back().kind;
    const Status checked = CheckSection(entry, previous, end, file);
    if (!checked.ok()) return checked.In(SectionLabel(entry.kind));
    end = entry.offset + entry.size;
    sections.push_back({entry.kind, entry.flags, entry.offset, entry.size, entry.hash});
  }
  if (end != file.size()) {
    return Corruption("the last section ends at byte ", end, ", but the file has ", file.size());
  }
  return sections;
}

const BundleSection* Find(const std::vector<BundleSection>& sections, SectionKind kind) {
  const auto found = std::find_if(sections.begin(), sections.end(),
                                  [kind](const BundleSection& s) { return s.kind == kind; });
  return found == sections.end() ? nullptr : &*found;
}

Status CheckSmallHashes(std::span<const std::byte> file,
                        const std::vector<BundleSection>& sections) {
  for (const BundleSection& section : sections) {
    if (IsBulk(section.kind)) continue;
    const auto bytes = file.subspan(section.offset, section.size);
    const Status checked = CheckHash("hash", section.hash, bytes);
    if (!checked.ok()) return checked.In(SectionLabel(section.kind));
  }
  return Status::Ok();
}

Status CheckPresence(const std::vector<BundleSection>& sections) {
  for (SectionKind kind : {SectionKind::kModel, SectionKind::kLevels, SectionKind::kTensors,
                           SectionKind::kGeneration, SectionKind::kWeights}) {
    if (Find(sections, kind) == nullptr) return Corruption(SectionLabel(kind), ": missing");
  }
  return Status::Ok();
}

// Sections that a later minor version brought are in no older bundle.
Status CheckMinor(uint16_t minor, const std::vector<BundleSection>& sections) {
  for (const BundleSection& section : sections) {
    if (!IsKnown(section.kind) || FirstMinorOf(section.kind) <= minor) continue;
    return Corruption(SectionLabel(section.kind), ": not part of version ", layout::kMajor, ".",
                      minor);
  }
  return Status::Ok();
}

// The bytes of a section; empty when it is absent.
std::span<const std::byte> BytesOf(std::span<const std::byte> file, const BundleView& view,
                                   SectionKind kind) {
  const BundleSection* section = Find(view.sections, kind);
  if (section == nullptr) return {};
  return file.subspan(section->offset, section->size);
}

// Moves a parsed section into place, or says in which section it failed.
template <typename T, typename Target>
Status Store(SectionKind kind, Result<T> parsed, Target& target) {
  if (!parsed.ok()) return parsed.status().In(SectionLabel(kind));
  target = std::move(parsed).value();
  return Status::Ok();
}

Status ParseAdapterSections(std::span<const std::byte> file, BundleView& view) {
  const BundleSection* weights = Find(view.sections, SectionKind::kAdapterWeights);
  const bool has_records = Find(view.sections, SectionKind::kAdapters) != nullptr;
  if (has_records != (weights != nullptr)) {
    const auto missing = has_records ? SectionKind::kAdapterWeights : SectionKind::kAdapters;
    return Corruption(SectionLabel(missing), ": missing");
  }
  if (weights == nullptr) return Status::Ok();
  ELM_RETURN_IF_ERROR(Store(SectionKind::kAdapters,
                            ParseAdapters(BytesOf(file, view, SectionKind::kAdapters), view.config,
                                          view.levels, weights->offset, weights->size),
                            view.adapters));
  for (BundleAdapter& adapter : view.adapters) {
    adapter.bytes = file.subspan(adapter.offset, adapter.plan.size);
  }
  return Status::Ok();
}

Status ParseTlmSections(std::span<const std::byte> file, BundleView& view) {
  const BundleSection* section = Find(view.sections, SectionKind::kTinyLm);
  const BundleSection* weights = Find(view.sections, SectionKind::kTinyLmWeights);
  if ((section != nullptr) != (weights != nullptr)) {
    const auto missing = section != nullptr ? SectionKind::kTinyLmWeights : SectionKind::kTinyLm;
    return Corruption(SectionLabel(missing), ": missing");
  }
  if (section == nullptr) return Status::Ok();
  ELM_RETURN_IF_ERROR(
      Store(SectionKind::kTinyLm,
            ParseTlm(BytesOf(file, view, SectionKind::kTinyLm), weights->offset, weights->size),
            view.tlm));
  for (BundleTlmTensor& tensor : view.tlm->tensors) {
    tensor.bytes = file.subspan(tensor.offset, tensor.size);
  }
  return Status::Ok();
}

// What serves requests that name an SLO.
Status ParseElasticSections(std::span<const std::byte> file, BundleView& view) {
  ELM_RETURN_IF_ERROR(ParseTlmSections(file, view));
  if (Find(view.sections, SectionKind::kReferenceLatency) != nullptr) {
    ELM_RETURN_IF_ERROR(Store(SectionKind::kReferenceLatency,
                              ParseLatency(BytesOf(file, view, SectionKind::kReferenceLatency)),
                              view.reference_latency));
  }
  if (Find(view.sections, SectionKind::kAccuracy) != nullptr) {
    ELM_RETURN_IF_ERROR(Store(SectionKind::kAccuracy,
                              ParseAccuracy(BytesOf(file, view, SectionKind::kAccuracy)),
                              view.accuracy));
  }
  return CheckLevelNames(view.levels, view.tlm ? &view.tlm->settings : nullptr,
                         view.reference_latency ? &*view.reference_latency : nullptr,
                         view.accuracy ? &*view.accuracy : nullptr);
}

Status ParseSections(std::span<const std::byte> file, BundleView& view) {
  const auto bytes = [&](SectionKind kind) { return BytesOf(file, view, kind); };
  ELM_RETURN_IF_ERROR(
      Store(SectionKind::kModel, ParseModel(bytes(SectionKind::kModel)), view.config));
  ELM_RETURN_IF_ERROR(Store(SectionKind::kLevels,
                            ParseLevels(bytes(SectionKind::kLevels), view.config), view.levels));
  ELM_RETURN_IF_ERROR(Store(SectionKind::kGeneration,
                            ParseGeneration(bytes(SectionKind::kGeneration), view.config),
                            view.generation));
  const BundleSection& weights = *Find(view.sections, SectionKind::kWeights);
  ELM_RETURN_IF_ERROR(
      Store(SectionKind::kTensors,
            ParseTensors(bytes(SectionKind::kTensors), view.config, weights.offset, weights.size),
            view.tensors));
  for (BundleTensor& tensor : view.tensors) {
    tensor.bytes = file.subspan(tensor.offset, tensor.size);
  }
  ELM_RETURN_IF_ERROR(ParseAdapterSections(file, view));
  ELM_RETURN_IF_ERROR(ParseElasticSections(file, view));
  view.tokenizer_model = AsText(bytes(SectionKind::kTokenizer));
  view.provenance_json = AsText(bytes(SectionKind::kProvenance));
  if (const auto invalid = FindInvalidUtf8(view.provenance_json)) {
    return Corruption(SectionLabel(SectionKind::kProvenance), ": not UTF-8 at byte ", *invalid);
  }
  return Status::Ok();
}

Result<BundleView> Parse(std::span<const std::byte> file) {
  auto header = ParseHeader(file);
  if (!header.ok()) return header.status().In("header");
  auto sections = ParseSectionTable(file, *header);
  if (!sections.ok()) return sections.status().In("section table");
  BundleView view;
  view.major = header->major;
  view.minor = header->minor;
  view.sections = std::move(sections).value();
  ELM_RETURN_IF_ERROR(CheckSmallHashes(file, view.sections));
  ELM_RETURN_IF_ERROR(CheckMinor(view.minor, view.sections));
  ELM_RETURN_IF_ERROR(CheckPresence(view.sections));
  ELM_RETURN_IF_ERROR(ParseSections(file, view));
  return view;
}

}  // namespace

Result<BundleView> ParseBundle(std::span<const std::byte> file, const std::string& name) {
  Result<BundleView> view = Parse(file);
  if (!view.ok()) return view.status().In(name);
  return view;
}

}  // namespace elm
