// Bundles whose checksums are right and whose values are not: the rules of docs/elm-format.md on
// tensor records, generation and text.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/elm/bundle.h"
#include "formats/elm/testing/draft_bundle.h"

namespace elm {
namespace {

using layout::SectionKind;
using layout::TensorRecord;
using testing::Draft;
using ::testing::HasSubstr;
using testing::RepairHashes;
using testing::Rule;

class TensorRulesTest : public ::testing::TestWithParam<Rule> {};

TEST_P(TensorRulesTest, BrokenRuleIsNamed) {
  const Status status = testing::ParseBroken(GetParam());
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr(GetParam().message));
  EXPECT_THAT(status.message(), ::testing::StartsWith("tiny.elm: "));
}

std::string RuleName(const ::testing::TestParamInfo<Rule>& info) { return info.param.name; }

#define TENSOR(role, member) d.Record(TensorRole::role, 1) + offsetof(TensorRecord, member)

INSTANTIATE_TEST_SUITE_P(
    Tensors, TensorRulesTest,
    ::testing::Values(
        Rule{"Role", [](Draft& d) { d.Patch(TENSOR(kQuery, role), uint32_t{3}); },
             "model.layers.1.self_attn.q_proj.weight: role is 3, expected 2"},
        Rule{"Layer", [](Draft& d) { d.Patch(TENSOR(kQuery, layer), uint32_t{0}); },
             "layer is 0, expected 1"},
        Rule{"DTypeZero", [](Draft& d) { d.Patch(TENSOR(kQuery, dtype), uint8_t{0}); },
             "dtype is 0, this reader knows"},
        Rule{"DTypeUnknown", [](Draft& d) { d.Patch(TENSOR(kQuery, dtype), uint8_t{6}); },
             "dtype is 6, this reader knows"},
        Rule{"NormDType", [](Draft& d) { d.Patch(TENSOR(kMlpNorm, dtype), uint8_t{2}); },
             "dtype is 2, expected 1"},
        Rule{"LayoutOfQuery", [](Draft& d) { d.Patch(TENSOR(kQuery, layout), uint8_t{2}); },
             "layout is 2, expected 1"},
        Rule{"LayoutOfDown", [](Draft& d) { d.Patch(TENSOR(kDown, layout), uint8_t{1}); },
             "layout is 1, expected 2"},
        Rule{"LayoutOfNorm", [](Draft& d) { d.Patch(TENSOR(kMlpNorm, layout), uint8_t{9}); },
             "layout is 9, expected 0"},
        Rule{"InterleaveZero", [](Draft& d) { d.Patch(TENSOR(kQuery, interleave), uint8_t{0}); },
             "interleave is 0"},
        Rule{"InterleaveOdd", [](Draft& d) { d.Patch(TENSOR(kQuery, interleave), uint8_t{5}); },
             "interleave is 5, expected a divisor of tile_columns 32"},
        Rule{"InterleaveOfNorm",
             [](Draft& d) { d.Patch(TENSOR(kMlpNorm, interleave), uint8_t{0}); },
             "interleave is 0, expected 1"},
        Rule{"Reserved", [](Draft& d) { d.Patch(TENSOR(kQuery, reserved), uint8_t{1}); },
             "reserved is 1, expected 0"},
        Rule{"Reserved2", [](Draft& d) { d.Patch(TENSOR(kQuery, reserved2), uint32_t{1}); },
             "reserved2 is 1, expected 0"},
        Rule{"TileRowsZero", [](Draft& d) { d.Patch(TENSOR(kQuery, tile_rows), uint16_t{0}); },
             "tile_rows is 0, expected 1 to 256"},
        Rule{"TileRowsHuge", [](Draft& d) { d.Patch(TENSOR(kQuery, tile_rows), uint16_t{257}); },
             "tile_rows is 257, expected 1 to 256"},
        Rule{"TileRowsOfNorm", [](Draft& d) { d.Patch(TENSOR(kMlpNorm, tile_rows), uint16_t{1}); },
             "tile_rows is 1, expected 0"},
        Rule{"TileColumnsZero",
             [](Draft& d) { d.Patch(TENSOR(kQuery, tile_columns), uint16_t{0}); },
             "tile_columns is 0, expected 1 to 1024"},
        Rule{"TileColumnsHuge",
             [](Draft& d) { d.Patch(TENSOR(kQuery, tile_columns), uint16_t{1025}); },
             "tile_columns is 1025, expected 1 to 1024"},
        Rule{"TileColumnsOfNorm",
             [](Draft& d) { d.Patch(TENSOR(kMlpNorm, tile_columns), uint16_t{8}); },
             "tile_columns is 8, expected 0"},
        Rule{"PanelOfQuery", [](Draft& d) { d.Patch(TENSOR(kQuery, panel_columns), uint32_t{32}); },
             "panel_columns is 32, expected 0"},
        Rule{"PanelOfNorm",
             [](Draft& d) { d.Patch(TENSOR(kMlpNorm, panel_columns), uint32_t{32}); },
             "panel_columns is 32, expected 0"},
        Rule{"PanelZero", [](Draft& d) { d.Patch(TENSOR(kDown, panel_columns), uint32_t{0}); },
             "panel_columns is 0, expected 1 to 65536"},
        Rule{"PanelHuge", [](Draft& d) { d.Patch(TENSOR(kDown, panel_columns), uint32_t{65568}); },
             "panel_columns is 65568, expected 1 to 65536"},
        Rule{"PanelNotWhole", [](Draft& d) { d.Patch(TENSOR(kDown, panel_columns), uint32_t{48}); },
             "panel_columns is 48, expected a multiple of tile_columns 32"},
        Rule{"Rows", [](Draft& d) { d.Patch(TENSOR(kQuery, rows), uint64_t{9}); },
             "rows is 9, expected 8"},
        Rule{"Columns", [](Draft& d) { d.Patch(TENSOR(kQuery, columns), ~uint64_t{0}); },
             "columns is 18446744073709551615, expected 8"},
        Rule{"OffsetUnaligned", [](Draft& d) { d.Add<uint64_t>(TENSOR(kQuery, offset), 32); },
             "q_proj.weight: offset is"},
        Rule{"OffsetOverlaps", [](Draft& d) { d.Add<uint64_t>(TENSOR(kQuery, offset), -64); },
             "q_proj.weight: offset is"},
        Rule{"OffsetLeavesAGap", [](Draft& d) { d.Add<uint64_t>(TENSOR(kQuery, offset), 64); },
             "q_proj.weight: offset is"},
        Rule{"Size", [](Draft& d) { d.Add<uint64_t>(TENSOR(kQuery, size), 64); },
             "size is 1088, expected 1024"},
        Rule{"SizeOfAnotherDType", [](Draft& d) { d.Patch(TENSOR(kQuery, dtype), uint8_t{1}); },
             "size is 1024, expected 2048"}),
    RuleName);

#define GENERATION(offset) d.Section(SectionKind::kGeneration) + (offset)
#define GENERATION_HEADER(member) GENERATION(offsetof(layout::GenerationHeader, member))

INSTANTIATE_TEST_SUITE_P(
    Text, TensorRulesTest,
    ::testing::Values(
        Rule{"Bos", [](Draft& d) { d.Patch(GENERATION_HEADER(bos_id), uint32_t{10}); },
             "bos_id is 10, expected below the vocabulary of 10"},
        Rule{"AddBos", [](Draft& d) { d.Patch(GENERATION_HEADER(add_bos), uint32_t{2}); },
             "add_bos is 2, expected 0 or 1"},
        Rule{"AddBosWithoutBos",
             [](Draft& d) { d.Patch(GENERATION_HEADER(bos_id), layout::kNoToken); },
             "add_bos is 1, but there is no bos_id"},
        Rule{"StopCount", [](Draft& d) { d.Patch(GENERATION_HEADER(stop_count), uint32_t{257}); },
             "stop_count is 257, expected at most 256"},
        Rule{"StopCountAndSize",
             [](Draft& d) { d.Patch(GENERATION_HEADER(stop_count), uint32_t{3}); },
             "section generation (kind 0x40): size is"},
        Rule{"TemplateSize",
             [](Draft& d) { d.Patch(GENERATION_HEADER(chat_template_size), ~uint32_t{0}); },
             "chat_template_size 4294967295"},
        Rule{"StopId", [](Draft& d) { d.Patch(GENERATION(16), uint32_t{10}); },
             "stop id 10 is not below the vocabulary of 10"},
        Rule{"TemplateIsNotUtf8", [](Draft& d) { d.Patch(GENERATION(16 + 8 + 3), uint8_t{0xff}); },
             "chat template: not UTF-8 at byte 3"},
        Rule{"ProvenanceIsNotUtf8",
             [](Draft& d) { d.Patch(d.Section(SectionKind::kProvenance) + 5, uint8_t{0xc0}); },
             "section provenance (kind 0x60): not UTF-8 at byte 5"}),
    RuleName);

TEST(TensorFormTest, OtherTilesThanTheWritersAreReadable) {
  Draft d;
  // The same bytes, with pairs of inputs interleaved: another order, equally well-formed.
  d.Patch(TENSOR(kQuery, interleave), uint8_t{2});
  RepairHashes(d.file);
  const auto view = ParseBundle(d.file, "tiny.elm");
  ASSERT_TRUE(view.ok()) << view.status().ToString();
  EXPECT_EQ(view->tensors[11].layout.interleave, 2U);
}

}  // namespace
}  // namespace elm
