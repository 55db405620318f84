// A tiny bundle to break rules in: where things lie, how to overwrite them, what the reader must
// say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "formats/elm/bundle.h"
#include "formats/elm/byte_cursor.h"
#include "formats/elm/testing/repair_hashes.h"
#include "formats/elm/testing/tiny_bundle.h"

namespace elm::testing {

// A tiny bundle's bytes and where things are in them.
class Draft {
 public:
  Draft() : Draft(Original()) {}
  explicit Draft(std::vector<std::byte> bytes)
      : file(std::move(bytes)), view_(ParseBundle(file, "tiny.elm").value()) {}

  // Byte offset of a row of the section table, and of a section.
  uint64_t Entry(layout::SectionKind kind) const {
    size_t i = 0;
    while (view_.sections[i].kind != kind) ++i;
    return sizeof(layout::Header) + i * sizeof(layout::SectionEntry);
  }
  uint64_t Section(layout::SectionKind kind) const {
    return ReadAt<layout::SectionEntry>(file, Entry(kind)).offset;
  }
  uint64_t Record(TensorRole role, uint32_t layer) const {
    size_t i = 0;
    while (view_.tensors[i].spec.role != role || view_.tensors[i].spec.layer != layer) ++i;
    return Section(layout::SectionKind::kTensors) + i * sizeof(layout::TensorRecord);
  }

  // Of a tiny LM that has `numbers` SLO tokens and names of levels.
  uint64_t TlmRecord(const std::string& name, size_t numbers) const {
    size_t i = 0;
    while (TlmTensorName(view_.tlm->tensors[i].spec) != name) ++i;
    return Section(layout::SectionKind::kTinyLm) + sizeof(layout::TlmHeader) +
           numbers * sizeof(uint32_t) + i * sizeof(layout::TlmTensorRecord);
  }

  template <typename T>
  void Patch(uint64_t offset, T value) {
    PatchAt(std::span(file), offset, value);
  }
  template <typename T>
  void Add(uint64_t offset, T delta) {
    Patch(offset, static_cast<T>(ReadAt<T>(file, offset) + delta));
  }

  std::vector<std::byte> file;

 private:
  static const std::vector<std::byte>& Original() {
    static const std::vector<std::byte> bytes = MakeBundleBytes(TinyContents()).value();
    return bytes;
  }
  BundleView view_;
};

// One way to break the format.
struct Rule {
  const char* name;
  std::function<void(Draft&)> break_it;
  const char* message;  // part of it
};

// Breaks the rule behind right checksums and parses.
inline Status ParseBroken(const Rule& rule, Draft draft = Draft()) {
  rule.break_it(draft);
  RepairHashes(draft.file);
  return ParseBundle(draft.file, "tiny.elm").status();
}

}  // namespace elm::testing
