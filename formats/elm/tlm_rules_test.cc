// The sections of version 1.1: what they hold comes back, and every rule of theirs is checked
// behind right checksums.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "formats/elm/bundle.h"
#include "formats/elm/testing/draft_bundle.h"

namespace elm {
namespace {

using layout::AccuracyHeader;
using layout::LatencyHeader;
using layout::SectionEntry;
using layout::SectionKind;
using layout::TlmHeader;
using layout::TlmTensorRecord;
using testing::Draft;
using ::testing::HasSubstr;
using testing::MakeBundleBytes;
using testing::RepairHashes;
using testing::Rule;
using testing::TinyElasticContents;

const std::vector<std::byte>& ElasticBytes() {
  static const std::vector<std::byte> bytes = MakeBundleBytes(TinyElasticContents()).value();
  return bytes;
}

TEST(TlmSectionsTest, EverythingComesBack) {
  for (const WeightType type : kWeightTypes) {
    SCOPED_TRACE(WeightTypeName(type));
    const BundleContents contents = TinyElasticContents(type);
    const std::vector<std::byte> file = MakeBundleBytes(contents).value();
    const auto view = ParseBundle(file, "tiny.elm");
    ASSERT_TRUE(view.ok()) << view.status().ToString();
    EXPECT_EQ(view->minor, 1);
    ASSERT_TRUE(view->tlm.has_value());
    EXPECT_EQ(view->tlm->settings, contents.tlm->settings);
    EXPECT_EQ(view->reference_latency, contents.reference_latency);
    EXPECT_EQ(view->accuracy, contents.accuracy);
    EXPECT_TRUE(VerifyBulk(file, *view, "tiny.elm").ok());
    const double tolerance = type == WeightType::kQ4 ? 0.15 : type == WeightType::kQ8 ? 0.005 : 0;
    for (const BundleTlmTensor& tensor : view->tlm->tensors) {
      std::vector<float> values(tensor.spec.rows * tensor.spec.columns);
      DecodeTensor(tensor, values);
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_NEAR(values[i], testing::TinyTlmValue(tensor.spec, i), tolerance)
            << TlmTensorName(tensor.spec) << " element " << i;
      }
    }
  }
}

WeightType TypeOf(const BundleView& view, const std::string& name) {
  for (const BundleTlmTensor& tensor : view.tlm->tensors) {
    if (TlmTensorName(tensor.spec) == name) return tensor.type;
  }
  ADD_FAILURE() << name;
  return WeightType::kF32;
}

// Of the tiny one's widths only 32 has a group.
TEST(TlmSectionsTest, TypesFollowTheRole) {
  const auto q4 = ParseBundle(ElasticBytes(), "tiny.elm").value();
  EXPECT_EQ(TypeOf(q4, "shared.layers.0.attention.value.weight"), WeightType::kQ8);
  EXPECT_EQ(TypeOf(q4, "shared.layers.0.attention.query.weight"), WeightType::kF16);
  EXPECT_EQ(TypeOf(q4, "shared.layers.0.attention.value.bias"), WeightType::kF32);
  EXPECT_EQ(TypeOf(q4, "score.head.weight"), WeightType::kF16);
  EXPECT_EQ(TypeOf(q4, "embeddings.positions.weight"), WeightType::kF16);
  const auto bytes = MakeBundleBytes(TinyElasticContents(WeightType::kF32)).value();
  const auto f32 = ParseBundle(bytes, "tiny.elm").value();
  EXPECT_EQ(TypeOf(f32, "score.head.weight"), WeightType::kF32);
  EXPECT_EQ(TypeOf(f32, "embeddings.positions.weight"), WeightType::kF32);
}

TEST(TlmSectionsTest, WithoutThemTheVersionAndTheBytesStay) {
  const auto plain = MakeBundleBytes(testing::TinyContents()).value();
  EXPECT_EQ(ParseBundle(plain, "tiny.elm").value().minor, 0);
}

TEST(TlmSectionsTest, EachStandsAlone) {
  BundleContents latency = testing::TinyContents();
  latency.reference_latency = TinyElasticContents().reference_latency;
  BundleContents accuracy = testing::TinyContents();
  accuracy.accuracy = TinyElasticContents().accuracy;
  BundleContents tlm = testing::TinyContents();
  tlm.tlm = TinyElasticContents().tlm;
  for (const BundleContents& contents : {latency, accuracy, tlm}) {
    const auto bytes = MakeBundleBytes(contents).value();
    const auto view = ParseBundle(bytes, "tiny.elm");
    ASSERT_TRUE(view.ok()) << view.status().ToString();
    EXPECT_EQ(view->minor, 1);
    EXPECT_EQ(view->tlm.has_value(), contents.tlm.has_value());
    EXPECT_EQ(view->reference_latency, contents.reference_latency);
    EXPECT_EQ(view->accuracy, contents.accuracy);
  }
}

// A reader of 1.0 has never heard of these kinds: it may skip what is not required.
TEST(TlmSectionsTest, AnOlderReaderMaySkipThem) {
  const auto view = ParseBundle(ElasticBytes(), "tiny.elm").value();
  size_t later = 0;
  for (const BundleSection& section : view.sections) {
    switch (section.kind) {
      case SectionKind::kTinyLm:
      case SectionKind::kReferenceLatency:
      case SectionKind::kAccuracy:
      case SectionKind::kTinyLmWeights:
        EXPECT_EQ(section.flags & layout::kRequired, 0U);
        ++later;
        break;
      default:
        break;
    }
  }
  EXPECT_EQ(later, 4U);
}

TEST(TlmSectionsTest, TheWriterRefusesWhatTheReaderWould) {
  BundleContents contents = TinyElasticContents();
  contents.tlm->settings.config.heads = 3;
  EXPECT_THAT(MakeBundleBytes(contents).status().message(),
              HasSubstr("tiny LM: bottleneck is 8, not a multiple of heads 3"));
  contents = TinyElasticContents();
  contents.tlm->group = 48;
  EXPECT_THAT(MakeBundleBytes(contents).status().message(), HasSubstr("groups of 48 inputs"));
  contents = TinyElasticContents();
  contents.reference_latency->margin = 2;
  EXPECT_THAT(MakeBundleBytes(contents).status().message(),
              HasSubstr("reference latency: latency table: margin is 2"));
  contents = TinyElasticContents();
  contents.accuracy->items = 0;
  EXPECT_THAT(MakeBundleBytes(contents).status().message(), HasSubstr("accuracy: items is 0"));
}

// One bit of every byte of the tiny LM's weights, and the message that names the tensor.
TEST(TlmSectionsTest, VerificationNamesTheDamagedTensor) {
  std::vector<std::byte> damaged = ElasticBytes();
  const auto view = ParseBundle(damaged, "tiny.elm").value();
  for (const BundleTlmTensor& tensor : view.tlm->tensors) {
    for (const uint64_t at : {tensor.offset, tensor.offset + tensor.size - 1}) {
      damaged[at] ^= std::byte{1};
      EXPECT_THAT(VerifyBulk(damaged, view, "tiny.elm").message(),
                  HasSubstr(StrCat("tiny LM: tensor ", TlmTensorName(tensor.spec), ":")));
      damaged[at] ^= std::byte{1};
    }
  }
}

TEST(TlmSectionsTest, EveryBitOfTheSmallSectionsIsChecked) {
  std::vector<std::byte> damaged = ElasticBytes();
  const auto view = ParseBundle(damaged, "tiny.elm").value();
  for (const BundleSection& section : view.sections) {
    if (section.kind < SectionKind::kTinyLm || (section.flags & layout::kBulk) != 0) continue;
    for (uint64_t bit = section.offset * 8; bit < (section.offset + section.size) * 8; ++bit) {
      const std::byte mask{static_cast<unsigned char>(1U << (bit % 8))};
      damaged[bit / 8] ^= mask;
      ASSERT_FALSE(ParseBundle(damaged, "tiny.elm").ok()) << "bit " << bit;
      damaged[bit / 8] ^= mask;
    }
  }
}

class TlmRulesTest : public ::testing::TestWithParam<Rule> {};

TEST_P(TlmRulesTest, BrokenRuleIsNamed) {
  const Status status = testing::ParseBroken(GetParam(), Draft(ElasticBytes()));
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr(GetParam().message));
  EXPECT_THAT(status.message(), ::testing::StartsWith("tiny.elm: "));
}

std::string RuleName(const ::testing::TestParamInfo<Rule>& info) { return info.param.name; }

constexpr size_t kNumbers = 3 + 2 + 3 + 2;  // of the tiny one: SLO tokens and names of levels
#define ENTRY(kind, member) d.Entry(SectionKind::kind) + offsetof(SectionEntry, member)
#define TLM(member) d.Section(SectionKind::kTinyLm) + offsetof(TlmHeader, member)
#define NUMBER(index) d.Section(SectionKind::kTinyLm) + sizeof(TlmHeader) + (index)*4
#define TENSOR(name, member) d.TlmRecord(name, kNumbers) + offsetof(TlmTensorRecord, member)
#define VOCABULARY(at) \
  d.TlmRecord("decision.grid_head.bias", kNumbers) + sizeof(TlmTensorRecord) + at

INSTANTIATE_TEST_SUITE_P(
    Presence, TlmRulesTest,
    ::testing::Values(Rule{"OlderVersion",
                           [](Draft& d) { d.Patch(offsetof(layout::Header, minor), uint16_t{0}); },
                           "section tiny LM (kind 0x80): not part of version 1.0"},
                      Rule{"Required",
                           [](Draft& d) { d.Patch(ENTRY(kTinyLm, flags), uint32_t{1}); },
                           "section tiny LM (kind 0x80): flags is 1, expected 0"},
                      Rule{"WeightsWithoutSettings",
                           [](Draft& d) { d.Patch(ENTRY(kTinyLm, kind), uint32_t{0x81}); },
                           "section tiny LM (kind 0x80): missing"},
                      Rule{"SettingsWithoutWeights",
                           [](Draft& d) { d.Patch(ENTRY(kTinyLmWeights, kind), uint32_t{0x1021}); },
                           "section tiny LM weights (kind 0x1020): missing"}),
    RuleName);

INSTANTIATE_TEST_SUITE_P(
    Settings, TlmRulesTest,
    ::testing::Values(
        Rule{"Trigram", [](Draft& d) { d.Patch(TLM(trigram), uint32_t{2}); }, "trigram is 2"},
        Rule{"LayerNorm", [](Draft& d) { d.Patch(TLM(layer_norm), uint32_t{2}); },
             "layer_norm is 2"},
        Rule{"LowerCase", [](Draft& d) { d.Patch(TLM(lower_case), uint32_t{7}); },
             "lower_case is 7"},
        Rule{"Reserved", [](Draft& d) { d.Patch(TLM(reserved), uint32_t{1}); }, "reserved is 1"},
        Rule{"Layers", [](Draft& d) { d.Patch(TLM(layers), ~uint32_t{0}); },
             "section tiny LM (kind 0x80): layers is 4294967295"},
        Rule{"MoreLayers", [](Draft& d) { d.Patch(TLM(layers), uint32_t{3}); },
             "tensor_count is 117, expected 185"},
        Rule{"Heads", [](Draft& d) { d.Patch(TLM(heads), uint32_t{3}); },
             "not a multiple of heads"},
        Rule{"Epsilon",
             [](Draft& d) { d.Patch(TLM(norm_epsilon), std::numeric_limits<float>::quiet_NaN()); },
             "norm_epsilon is nan"},
        Rule{"AnotherWidth", [](Draft& d) { d.Patch(TLM(intermediate), uint32_t{13}); },
             "shared.layers.0.feed_forward.0.in.weight: rows is 12, expected 13"},
        Rule{"TensorCount", [](Draft& d) { d.Patch(TLM(tensor_count), uint32_t{4}); },
             "tensor_count is 4, expected 117"},
        Rule{"MoreSloTokens", [](Draft& d) { d.Patch(TLM(ttft_count), uint32_t{4}); },
             "section tiny LM (kind 0x80): size is"},
        Rule{"HugeCount", [](Draft& d) { d.Patch(TLM(tpot_count), ~uint32_t{0}); },
             "section tiny LM (kind 0x80): size is"},
        Rule{"HugeVocabulary", [](Draft& d) { d.Patch(TLM(vocabulary_size), ~uint32_t{0}); },
             "section tiny LM (kind 0x80): size is"},
        Rule{"TtftToken", [](Draft& d) { d.Patch(NUMBER(0), uint32_t{250}); },
             "expected the SLO token [ttft=0.25]"},
        Rule{"TpotDescends", [](Draft& d) { d.Patch(NUMBER(4), uint32_t{500}); },
             "tpot_permille holds 500 behind 500"},
        Rule{"PromptLevel", [](Draft& d) { d.Patch(NUMBER(7), uint32_t{1001}); },
             "prompt_levels_permille holds 1001"},
        Rule{"NoSuchLevel", [](Draft& d) { d.Patch(NUMBER(8), uint32_t{650}); },
             "tiny LM: level 0.65 is not in the level table"},
        Rule{"OtherPromptLevels", [](Draft& d) { d.Patch(NUMBER(5), uint32_t{301}); },
             "accuracy: the levels are not those of the tiny LM"},
        Rule{"Decision", [](Draft& d) { d.Patch(TLM(decision), uint32_t{9}); },
             "decision is 9, this reader knows"},
        Rule{"Overlap", [](Draft& d) { d.Patch(TLM(window_overlap), uint32_t{24}); },
             "window_overlap is 24"},
        Rule{"VocabularyIsNotUtf8", [](Draft& d) { d.Patch(VOCABULARY(3), uint8_t{0xff}); },
             "vocabulary: not UTF-8 at byte 3"},
        Rule{"SpecialPiece", [](Draft& d) { d.Patch(VOCABULARY(1), uint8_t{'p'}); },
             "vocabulary: [PAD] is missing"}),
    RuleName);

INSTANTIATE_TEST_SUITE_P(
    Tensors, TlmRulesTest,
    ::testing::Values(
        Rule{"Role", [](Draft& d) { d.Patch(TENSOR("score.head.weight", role), uint8_t{20}); },
             "score.head.weight: role is 20, expected 19"},
        Rule{"Bias", [](Draft& d) { d.Patch(TENSOR("score.head.bias", bias), uint8_t{0}); },
             "score.head.bias: bias is 0, expected 1"},
        Rule{"Branch", [](Draft& d) { d.Patch(TENSOR("score.head.bias", branch), uint8_t{2}); },
             "branch is 2, expected 1"},
        Rule{"Part",
             [](Draft& d) {
               d.Patch(TENSOR("score.layers.1.feed_forward.1.in.weight", part), uint8_t{0});
             },
             "part is 0, expected 1"},
        Rule{"Layer",
             [](Draft& d) {
               d.Patch(TENSOR("score.layers.1.attention.key.weight", layer), uint32_t{0});
             },
             "layer is 0, expected 1"},
        Rule{"DType", [](Draft& d) { d.Patch(TENSOR("score.head.weight", dtype), uint8_t{6}); },
             "dtype is 6, this reader knows"},
        Rule{"BiasDType", [](Draft& d) { d.Patch(TENSOR("score.head.bias", dtype), uint8_t{2}); },
             "dtype is 2, expected 1"},
        Rule{"Layout", [](Draft& d) { d.Patch(TENSOR("score.head.weight", layout), uint8_t{2}); },
             "layout is 2, expected 1"},
        Rule{"Reserved",
             [](Draft& d) { d.Patch(TENSOR("score.head.weight", reserved), uint8_t{2}); },
             "reserved is 2, expected 0"},
        Rule{"Rows", [](Draft& d) { d.Patch(TENSOR("score.head.weight", rows), uint64_t{2}); },
             "rows is 2, expected 1"},
        Rule{"Offset", [](Draft& d) { d.Add<uint64_t>(TENSOR("score.head.weight", offset), 64); },
             "score.head.weight: offset is"},
        Rule{"Size", [](Draft& d) { d.Add<uint64_t>(TENSOR("score.head.weight", size), 64); },
             "score.head.weight: size is"}),
    RuleName);

#define LATENCY(member) d.Section(SectionKind::kReferenceLatency) + offsetof(LatencyHeader, member)
#define LATENCY_AT(offset) \
  d.Section(SectionKind::kReferenceLatency) + sizeof(LatencyHeader) + (offset)

// Behind the header: 2 levels, 3, 2 and 2 points, 4 bytes of padding, then the times.
INSTANTIATE_TEST_SUITE_P(
    Latency, TlmRulesTest,
    ::testing::Values(
        Rule{"LevelCount", [](Draft& d) { d.Patch(LATENCY(level_count), uint32_t{65}); },
             "section reference latency (kind 0x90): level_count is 65, at most 64"},
        Rule{"TtftCount", [](Draft& d) { d.Patch(LATENCY(ttft_count), ~uint32_t{0}); },
             "ttft_count is 4294967295, at most 256"},
        Rule{"TpotCount", [](Draft& d) { d.Patch(LATENCY(tpot_count), uint32_t{257}); },
             "tpot_count is 257"},
        Rule{"TlmCount", [](Draft& d) { d.Patch(LATENCY(tlm_count), uint32_t{257}); },
             "tlm_count is 257"},
        Rule{"NameSize", [](Draft& d) { d.Patch(LATENCY(name_size), uint32_t{257}); },
             "name_size is 257"},
        Rule{"Reserved", [](Draft& d) { d.Patch(LATENCY(reserved), uint32_t{1}); },
             "reserved is 1, expected 0"},
        Rule{"Size", [](Draft& d) { d.Patch(LATENCY(name_size), uint32_t{3}); },
             "section reference latency (kind 0x90): size is"},
        Rule{"Padding", [](Draft& d) { d.Patch(LATENCY_AT(9 * 4), uint32_t{1}); },
             "padding is not zero"},
        Rule{"NoSuchLevel", [](Draft& d) { d.Patch(LATENCY_AT(0), uint32_t{500}); },
             "reference latency: level 0.5 is not in the level table"},
        Rule{"Margin", [](Draft& d) { d.Patch(LATENCY(margin), 3.0); }, "margin"},
        Rule{"Time",
             [](Draft& d) { d.Patch(LATENCY_AT(40), std::numeric_limits<double>::quiet_NaN()); },
             "section reference latency (kind 0x90): "}),
    RuleName);

#define ACCURACY(member) d.Section(SectionKind::kAccuracy) + offsetof(AccuracyHeader, member)
#define ACCURACY_AT(offset) d.Section(SectionKind::kAccuracy) + sizeof(AccuracyHeader) + (offset)

// Behind the header: 3 and 2 names, 4 bytes of padding, then 2 x 6 numbers.
INSTANTIATE_TEST_SUITE_P(
    Accuracy, TlmRulesTest,
    ::testing::Values(
        Rule{"Levels", [](Draft& d) { d.Patch(ACCURACY(prompt_levels), ~uint32_t{0}); },
             "section accuracy (kind 0xa0): prompt_levels is 4294967295"},
        Rule{"Size", [](Draft& d) { d.Patch(ACCURACY(model_levels), uint32_t{3}); },
             "section accuracy (kind 0xa0): size is"},
        Rule{"Items", [](Draft& d) { d.Patch(ACCURACY(items), uint32_t{0}); }, "items is 0"},
        Rule{"Reserved", [](Draft& d) { d.Patch(ACCURACY(reserved), uint32_t{1}); },
             "reserved is 1"},
        Rule{"Padding", [](Draft& d) { d.Patch(ACCURACY_AT(20), uint32_t{1}); },
             "padding is not zero"},
        Rule{"Value", [](Draft& d) { d.Patch(ACCURACY_AT(24), 1.5); }, "accuracy[0] is 1.5"},
        Rule{"Error", [](Draft& d) { d.Patch(ACCURACY_AT(24 + 48), -1.0); },
             "standard_error[0] is -1"},
        Rule{"NoSuchLevel", [](Draft& d) { d.Patch(ACCURACY_AT(12), uint32_t{699}); },
             "accuracy: level 0.699 is not in the level table"}),
    RuleName);

}  // namespace
}  // namespace elm
