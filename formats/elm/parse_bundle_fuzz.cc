// Fuzzes the reader: whatever the bytes, it answers, and what it accepts can be used.
//
// Each input is read as it is, and as a compact bundle (testing/compact_bundle.h) that is expanded
// first: a bundle is mostly padding and checksums, which would stop nearly every mutation at the
// door. The mutator works on one piece at a time: control byte, header, section table, or a
// section, which may grow or shrink. It makes its first bundles itself: no seed corpus is needed.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "formats/base/checked_math.h"
#include "formats/elm/bundle.h"
#include "formats/elm/level_text.h"
#include "formats/elm/testing/compact_bundle.h"
#include "formats/elm/testing/tiny_bundle.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using elm::layout::Header;
using elm::layout::SectionEntry;

constexpr uint64_t kVerifyAtMost = uint64_t{1}
                                   << 20;  // bytes: larger files would only slow the search

void Require(bool holds) {
  if (!holds) std::abort();
}

// What users of a view do with it must be safe on everything that the parser lets through.
void UseView(std::span<const std::byte> file, const elm::BundleView& view) {
  uint64_t previous = 0;
  for (const elm::Level& level : view.levels.levels) {
    const uint64_t bytes = elm::LevelBytes(view, level);
    Require(bytes >= previous && bytes <= file.size());
    previous = bytes;
  }
  for (const elm::BundleTensor& tensor : view.tensors) {
    Require(elm::RangeFits(tensor.offset, tensor.size, file.size()));
    const uint64_t last = tensor.layout.ElementIndex(tensor.spec.rows - 1, tensor.spec.columns - 1);
    Require(last * elm::ElementBits(tensor.type) / 8 < tensor.size);
  }
  Require(!elm::LevelTableText(view).empty());
  if (view.tlm) {
    for (const elm::BundleTlmTensor& tensor : view.tlm->tensors) {
      Require(elm::RangeFits(tensor.offset, tensor.size, file.size()));
      const auto last = tensor.layout.ElementIndex(tensor.spec.rows - 1, tensor.spec.columns - 1);
      Require(last * elm::ElementBits(tensor.type) / 8 < tensor.size);
    }
    Require(elm::TtftId(view.tlm->settings, 0.5) < view.tlm->settings.config.vocab);
  }
  if (view.reference_latency) {
    const elm::LatencyTable& table = *view.reference_latency;
    Require(table.Ttft(0, 100) > 0 && table.Tpot(table.level_permille.size() - 1, 1e9) > 0);
  }
}

// Returns whether the bytes are a bundle, weights included.
bool Read(std::span<const std::byte> file) {
  const auto view = elm::ParseBundle(file, "fuzz");
  if (!view.ok()) {
    Require(view.status().message().starts_with("fuzz: "));
    return false;
  }
  UseView(file, *view);
  return file.size() <= kVerifyAtMost && elm::VerifyBulk(file, *view, "fuzz").ok();
}

using Bytes = std::vector<std::byte>;

void AddSeed(const elm::BundleContents& contents, std::vector<Bytes>& seeds) {
  const Bytes file = elm::testing::MakeBundleBytes(contents).value();
  seeds.push_back(
      elm::testing::Compact(file, elm::testing::kRepairHashes | elm::testing::kRepairPlaces));
  Require(Read(elm::testing::Expand(seeds.back())));
}

const std::vector<Bytes>& Seeds() {
  static const std::vector<Bytes> seeds = [] {
    std::vector<Bytes> made;
    for (const elm::WeightType weights : elm::kWeightTypes) {
      elm::BundleContents contents = elm::testing::TinyContents(weights);
      AddSeed(contents, made);
      contents.config.tied_head = true;
      contents.config.layers = 1;
      contents.config.query_heads = 3;
      contents.config.kv_heads = 1;
      contents.levels = elm::FullLevelOnly(contents.config);
      contents.tokenizer_model.clear();
      AddSeed(contents, made);
      AddSeed(elm::testing::TinyElasticContents(weights), made);
    }
    return made;
  }();
  return seeds;
}

// Where a piece of a compact bundle lies; `entry` is its row of the section table, if it has one.
struct Piece {
  size_t begin;
  size_t size;
  std::optional<size_t> entry;  // byte offset in the compact bundle
};

std::vector<Piece> Pieces(const Bytes& compact) {
  const auto table = elm::testing::TableOf(std::span(compact).subspan(1));
  const size_t table_begin = 1 + sizeof(Header);
  std::vector<Piece> pieces = {{0, table_begin, {}},
                               {table_begin, table.size() * sizeof(SectionEntry), {}}};
  size_t begin = table_begin + pieces.back().size;
  for (size_t i = 0; i < table.size(); ++i) {
    if (!elm::testing::IsSmall(table[i])) continue;
    if (!elm::RangeFits(begin, table[i].size, compact.size())) break;
    pieces.push_back({begin, table[i].size, table_begin + i * sizeof(SectionEntry)});
    begin += table[i].size;
  }
  return pieces;
}

// Mutates one piece; a section that grows or shrinks takes its row of the table along.
void MutatePiece(Bytes& compact, size_t room, std::minstd_rand& random) {
  const std::vector<Piece> pieces = Pieces(compact);
  const Piece piece = pieces[random() % pieces.size()];
  const auto begin = compact.begin() + static_cast<ptrdiff_t>(piece.begin);
  Bytes bytes(begin, begin + static_cast<ptrdiff_t>(piece.size));
  const size_t most = piece.size + (piece.entry ? std::min<size_t>(room, 64) : 0);
  if (most == 0) return;
  bytes.resize(most);
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(bytes.data()), piece.size, most));
  if (!piece.entry) bytes.resize(piece.size);
  if (piece.entry) {
    elm::testing::PatchAt<uint64_t>(compact, *piece.entry + offsetof(SectionEntry, size),
                                    bytes.size());
  }
  const auto behind = compact.erase(begin, begin + static_cast<ptrdiff_t>(piece.size));
  compact.insert(behind, bytes.begin(), bytes.end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span input(reinterpret_cast<const std::byte*>(data), size);
  Read(input);
  Read(elm::testing::Expand(input));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  std::minstd_rand random(seed);
  constexpr unsigned kFreshOneIn = 64;
  constexpr unsigned kAnywhereOneIn = 16;
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  Bytes compact(begin, begin + size);
  if (size <= sizeof(Header) || random() % kFreshOneIn == 0) {
    compact = Seeds()[random() % Seeds().size()];
  }
  if (compact.size() > max_size || random() % kAnywhereOneIn == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  MutatePiece(compact, max_size - compact.size(), random);
  std::copy(compact.begin(), compact.end(), reinterpret_cast<std::byte*>(data));
  return compact.size();
}
