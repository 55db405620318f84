// Bundles whose checksums are right and whose values are not: the rules of docs/elm-format.md on
// header, section table, model and levels, by the message that names the field.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "formats/base/checked_math.h"
#include "formats/elm/bundle.h"
#include "formats/elm/testing/draft_bundle.h"

namespace elm {
namespace {

using layout::Header;
using layout::ModelRecord;
using layout::SectionEntry;
using layout::SectionKind;
using testing::Draft;
using ::testing::HasSubstr;
using testing::MakeBundleBytes;
using testing::PatchAt;
using testing::RepairHashes;
using testing::Rule;
using testing::TinyContents;

class BundleRulesTest : public ::testing::TestWithParam<Rule> {};

TEST_P(BundleRulesTest, BrokenRuleIsNamed) {
  const Status status = testing::ParseBroken(GetParam());
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr(GetParam().message));
  EXPECT_THAT(status.message(), ::testing::StartsWith("tiny.elm: "));
}

std::string RuleName(const ::testing::TestParamInfo<Rule>& info) { return info.param.name; }

#define HEADER(member) offsetof(Header, member)
#define ENTRY(kind, member) d.Entry(SectionKind::kind) + offsetof(SectionEntry, member)
#define MODEL(member) d.Section(SectionKind::kModel) + offsetof(ModelRecord, member)

INSTANTIATE_TEST_SUITE_P(
    Header, BundleRulesTest,
    ::testing::Values(
        Rule{"FutureMajor", [](Draft& d) { d.Patch(HEADER(major), uint16_t{7}); },
             "the bundle has version 7.0, this reader knows 1.1"},
        Rule{"PastMajor", [](Draft& d) { d.Patch(HEADER(major), uint16_t{0}); },
             "the bundle has version 0.0, this reader knows 1.1"},
        Rule{"FutureHeaderSize",
             [](Draft& d) {
               d.Patch(HEADER(minor), uint16_t{2});
               d.Patch(HEADER(header_size), uint32_t{68});
             },
             "header_size is 68, expected a multiple of 8 from 64 to 4096"},
        Rule{"HeaderSize", [](Draft& d) { d.Patch(HEADER(header_size), uint32_t{72}); },
             "header: header_size is 72, expected 64"},
        Rule{"FileSizeTooLarge", [](Draft& d) { d.Add<uint64_t>(HEADER(file_size), 1); },
             "truncated"},
        Rule{"FileSizeTooSmall", [](Draft& d) { d.Add<uint64_t>(HEADER(file_size), -1); },
             "1 too many"},
        Rule{"TableOffset", [](Draft& d) { d.Patch(HEADER(section_table_offset), uint64_t{128}); },
             "section_table_offset is 128, expected 64"},
        Rule{"EntrySize", [](Draft& d) { d.Patch(HEADER(section_entry_size), uint32_t{48}); },
             "section_entry_size is 48, expected 40"},
        Rule{"Reserved", [](Draft& d) { d.Patch(HEADER(reserved), uint64_t{1}); },
             "header: reserved is 1, expected 0"},
        Rule{"NoSections", [](Draft& d) { d.Patch(HEADER(section_count), uint32_t{0}); },
             "section_count is 0, expected 1 to 64"},
        Rule{"TooManySections", [](Draft& d) { d.Patch(HEADER(section_count), uint32_t{65}); },
             "section_count is 65, expected 1 to 64"},
        Rule{"OneSectionMissing", [](Draft& d) { d.Add<uint32_t>(HEADER(section_count), -1); },
             "the padding before it, from byte 304, is not zero"},
        Rule{"OneSectionTooMany", [](Draft& d) { d.Add<uint32_t>(HEADER(section_count), 1); },
             "section table: section unknown (kind 0x0): kinds must ascend"}),
    RuleName);

INSTANTIATE_TEST_SUITE_P(
    SectionTable, BundleRulesTest,
    ::testing::Values(
        Rule{"KindsDescend", [](Draft& d) { d.Patch(ENTRY(kTensors, kind), SectionKind::kModel); },
             "kinds must ascend"},
        Rule{"KindTwice", [](Draft& d) { d.Patch(ENTRY(kTensors, kind), SectionKind::kLevels); },
             "kinds must ascend"},
        Rule{"UnknownFlag", [](Draft& d) { d.Patch(ENTRY(kModel, flags), uint32_t{5}); },
             "section model (kind 0x10): flags are 0x5"},
        Rule{"BulkFlagOnSmall", [](Draft& d) { d.Patch(ENTRY(kModel, flags), uint32_t{3}); },
             "flags is 3, expected 1"},
        Rule{"BulkFlagMissing", [](Draft& d) { d.Patch(ENTRY(kWeights, flags), uint32_t{1}); },
             "flags is 1, expected 3"},
        Rule{"RequiredFlagMissing", [](Draft& d) { d.Patch(ENTRY(kLevels, flags), uint32_t{0}); },
             "flags is 0, expected 1"},
        Rule{"Reserved", [](Draft& d) { d.Patch(ENTRY(kLevels, reserved), uint64_t{9}); },
             "section levels (kind 0x20): reserved is 9, expected 0"},
        Rule{"Empty", [](Draft& d) { d.Patch(ENTRY(kProvenance, size), uint64_t{0}); },
             "size is 0"},
        Rule{"SmallTooLarge",
             [](Draft& d) { d.Patch(ENTRY(kProvenance, size), uint64_t{1} << 29); },
             "size is 536870912, at most 268435456"},
        Rule{"OffsetUnaligned", [](Draft& d) { d.Add<uint64_t>(ENTRY(kTensors, offset), 64); },
             "section tensors (kind 0x30): offset is 49216, expected 49152"},
        Rule{"OffsetOverlaps", [](Draft& d) { d.Add<uint64_t>(ENTRY(kTensors, offset), -16384); },
             "offset is 32768, expected 49152"},
        Rule{"OffsetLeavesAGap", [](Draft& d) { d.Add<uint64_t>(ENTRY(kTensors, offset), 16384); },
             "offset is 65536, expected 49152"},
        Rule{"OffsetHuge", [](Draft& d) { d.Patch(ENTRY(kTensors, offset), ~uint64_t{0} - 16383); },
             "offset is 18446744073709535232"},
        Rule{"BulkOutsideTheFile", [](Draft& d) { d.Patch(ENTRY(kWeights, size), ~uint64_t{0}); },
             "lie outside the file"},
        Rule{"BulkTooShort", [](Draft& d) { d.Add<uint64_t>(ENTRY(kWeights, size), -1); },
             "the last section ends at byte"},
        Rule{"RequiredUnknown",
             [](Draft& d) {
               d.Patch(ENTRY(kProvenance, kind), uint32_t{0x61});
               d.Patch(ENTRY(kProvenance, flags), uint32_t{1});
             },
             "section unknown (kind 0x61): the kind is unknown to this reader"},
        Rule{"UnknownSmallWithBulkFlag",
             [](Draft& d) {
               d.Patch(ENTRY(kProvenance, kind), uint32_t{0x61});
               d.Patch(ENTRY(kProvenance, flags), uint32_t{2});
             },
             "flags is 2, expected 0"},
        Rule{"GenerationMissing",
             [](Draft& d) {
               d.Patch(ENTRY(kGeneration, flags), uint32_t{0});
               d.Patch(ENTRY(kGeneration, kind), uint32_t{0x41});
             },
             "section generation (kind 0x40): missing"}),
    RuleName);

INSTANTIATE_TEST_SUITE_P(
    Model, BundleRulesTest,
    ::testing::Values(
        Rule{"Layers", [](Draft& d) { d.Patch(MODEL(layers), uint32_t{0}); }, "layers is 0"},
        Rule{"LayersHuge", [](Draft& d) { d.Patch(MODEL(layers), ~uint32_t{0}); },
             "layers is 4294967295"},
        Rule{"Width", [](Draft& d) { d.Patch(MODEL(width), uint32_t{1} << 20); }, "width is"},
        Rule{"QueryHeads", [](Draft& d) { d.Patch(MODEL(query_heads), uint32_t{5}); },
             "query_heads is 5"},
        Rule{"KvHeads", [](Draft& d) { d.Patch(MODEL(kv_heads), uint32_t{0}); }, "kv_heads is 0"},
        Rule{"HeadDim", [](Draft& d) { d.Patch(MODEL(head_dim), uint32_t{3}); }, "head_dim is 3"},
        Rule{"Neurons", [](Draft& d) { d.Patch(MODEL(neurons), uint32_t{0}); }, "neurons is 0"},
        Rule{"Vocab", [](Draft& d) { d.Patch(MODEL(vocab), ~uint32_t{0}); }, "vocab is"},
        Rule{"Context", [](Draft& d) { d.Patch(MODEL(context), uint32_t{0}); }, "context is 0"},
        Rule{"RopeTheta",
             [](Draft& d) { d.Patch(MODEL(rope_theta), std::numeric_limits<float>::quiet_NaN()); },
             "rope_theta is nan"},
        Rule{"RmsEpsilon", [](Draft& d) { d.Patch(MODEL(rms_epsilon), 0.0F); }, "rms_epsilon is 0"},
        Rule{"TiedHead", [](Draft& d) { d.Patch(MODEL(tied_head), uint32_t{2}); },
             "section model (kind 0x10): tied_head is 2, expected 0 or 1"},
        Rule{"Reserved", [](Draft& d) { d.Patch(MODEL(reserved), uint32_t{2}); },
             "section model (kind 0x10): reserved is 2, expected 0"},
        Rule{"HeadWithoutTensor", [](Draft& d) { d.Patch(MODEL(tied_head), uint32_t{1}); },
             "section tensors (kind 0x30): size is"},
        Rule{"AnotherVocabulary", [](Draft& d) { d.Patch(MODEL(vocab), uint32_t{11}); },
             "model.embed_tokens.weight: rows is 10, expected 11"}),
    RuleName);

// Byte offsets inside the tiny bundle's levels section.
constexpr uint64_t kAnchors = sizeof(layout::LevelsHeader);
constexpr uint64_t kKvOf = kAnchors + 4;
constexpr uint64_t kLevelRows = kKvOf + 2 * 4 * 2;
constexpr uint64_t kLevelRowSize = 4 + 2 * 12;
#define LEVELS(offset) d.Section(SectionKind::kLevels) + (offset)
#define LEVELS_HEADER(member) LEVELS(offsetof(layout::LevelsHeader, member))

INSTANTIATE_TEST_SUITE_P(
    Levels, BundleRulesTest,
    ::testing::Values(
        Rule{"NoLevel", [](Draft& d) { d.Patch(LEVELS_HEADER(level_count), uint32_t{0}); },
             "level_count is 0, expected 1 to 64"},
        Rule{"TooManyLevels", [](Draft& d) { d.Patch(LEVELS_HEADER(level_count), uint32_t{65}); },
             "level_count is 65, expected 1 to 64"},
        Rule{"WrongSize", [](Draft& d) { d.Patch(LEVELS_HEADER(level_count), uint32_t{3}); },
             "section levels (kind 0x20): size is"},
        Rule{"TooManyAnchors", [](Draft& d) { d.Patch(LEVELS_HEADER(anchor_count), uint32_t{3}); },
             "anchor_count is 3, expected at most 2"},
        Rule{"Layers", [](Draft& d) { d.Patch(LEVELS_HEADER(layers), uint32_t{3}); },
             "layers is 3, but the model has 2"},
        Rule{"QueryHeads", [](Draft& d) { d.Patch(LEVELS_HEADER(query_heads), uint32_t{8}); },
             "query_heads is 8, but the model has 4"},
        Rule{"AnchorOutOfRange", [](Draft& d) { d.Patch(LEVELS(kAnchors), uint32_t{2}); },
             "anchor 2"},
        Rule{"AnchorIsCut", [](Draft& d) { d.Patch(LEVELS(kAnchors), uint32_t{1}); },
             "anchor layer 1 is cut at level 0.7"},
        Rule{"KvOfOutOfRange", [](Draft& d) { d.Patch(LEVELS(kKvOf), uint16_t{2}); },
             "layer 0: kv_of[0] is 2"},
        Rule{"KvOfUneven", [](Draft& d) { d.Patch(LEVELS(kKvOf + 4), uint16_t{0}); },
             "layer 0: KV head 0 serves 3"},
        Rule{"LevelName", [](Draft& d) { d.Patch(LEVELS(kLevelRows), uint32_t{1000}); },
             "level 1.0: names must ascend"},
        Rule{"TooManyHeads", [](Draft& d) { d.Patch(LEVELS(kLevelRows + 16), uint32_t{5}); },
             "level 0.7: layer 1: keeps 5 query heads of 4"},
        Rule{"KvHeadsDoNotFit", [](Draft& d) { d.Patch(LEVELS(kLevelRows + 20), uint32_t{2}); },
             "level 0.7: layer 1: keeps 2 KV heads, expected 1"},
        Rule{"TooManyNeurons", [](Draft& d) { d.Patch(LEVELS(kLevelRows + 24), uint32_t{7}); },
             "level 0.7: layer 1: keeps 7 neurons of 6"},
        Rule{"LastLevelIsNotWhole",
             [](Draft& d) { d.Patch(LEVELS(kLevelRows + kLevelRowSize + 24), uint32_t{5}); },
             "level 1.0: layer 1 is not whole"}),
    RuleName);

// Levels whose kv_of ends off its alignment.
TEST(BundleFormTest, PaddingBehindKvOfIsZero) {
  BundleContents contents = TinyContents();
  contents.config.query_heads = 3;
  contents.config.kv_heads = 1;
  contents.config.layers = 1;
  contents.levels = FullLevelOnly(contents.config);
  std::vector<std::byte> file = MakeBundleBytes(contents).value();
  const BundleView view = ParseBundle(file, "tiny.elm").value();
  PatchAt(std::span(file), view.sections[1].offset + sizeof(layout::LevelsHeader) + 3 * 2,
          uint16_t{1});
  RepairHashes(file);
  EXPECT_THAT(ParseBundle(file, "tiny.elm").status().message(),
              HasSubstr("padding behind kv_of is 1, expected 0"));
}

TEST(BundleFormTest, AnUnknownOptionalSectionIsSkipped) {
  Draft d;
  d.Patch(ENTRY(kProvenance, kind), uint32_t{0x61});
  RepairHashes(d.file);
  const auto view = ParseBundle(d.file, "tiny.elm");
  ASSERT_TRUE(view.ok()) << view.status().ToString();
  EXPECT_EQ(view->provenance_json, "");
  EXPECT_EQ(static_cast<uint32_t>(view->sections[5].kind), 0x61U);
  EXPECT_TRUE(VerifyBulk(d.file, *view, "tiny.elm").ok());
}

// An unknown optional bulk section at the end: not read on opening, but verified.
TEST(BundleFormTest, AnUnknownOptionalBulkSectionIsSkippedAndVerified) {
  Draft d;
  const uint64_t offset = AlignUp(d.file.size(), layout::kSectionAlignment);
  const uint64_t table_end = d.Entry(SectionKind::kWeights) + sizeof(SectionEntry);
  d.file.resize(offset + 100, std::byte{0});
  d.file[offset] = std::byte{7};
  SectionEntry entry{};
  entry.kind = SectionKind{0x2000};
  entry.flags = layout::kBulk;
  entry.offset = offset;
  entry.size = 100;
  d.Patch(table_end, entry);
  d.Add<uint32_t>(HEADER(section_count), 1);
  d.Patch<uint64_t>(HEADER(file_size), d.file.size());
  RepairHashes(d.file);
  const auto view = ParseBundle(d.file, "tiny.elm");
  ASSERT_TRUE(view.ok()) << view.status().ToString();
  EXPECT_TRUE(VerifyBulk(d.file, *view, "tiny.elm").ok());
  d.file[offset] = std::byte{8};
  EXPECT_TRUE(ParseBundle(d.file, "tiny.elm").ok());
  EXPECT_THAT(VerifyBulk(d.file, *view, "tiny.elm").message(), HasSubstr("section unknown"));
}

}  // namespace
}  // namespace elm
