#include "formats/elm/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "formats/elm/bundle_writer.h"
#include "formats/elm/testing/tiny_bundle.h"

namespace elm {
namespace {

using testing::FillTiny;
using ::testing::HasSubstr;
using testing::MakeBundleBytes;
using testing::TemporaryDirectory;
using testing::TinyContents;
using testing::TinyValue;

// Shapes that tiles do not divide: 5 heads of 6, 172 neurons, one KV head; three layers of five
// heads also make kv_of end off its alignment.
BundleContents OddContents(WeightType weights, bool tied) {
  BundleContents contents = TinyContents(weights);
  ModelConfig& config = contents.config;
  config.layers = 3;
  config.width = 40;
  config.query_heads = 5;
  config.kv_heads = 1;
  config.head_dim = 6;
  config.neurons = 172;
  config.vocab = 33;
  config.tied_head = tied;
  contents.levels = FullLevelOnly(config);
  Level half = contents.levels.full();
  half.name_permille = 500;
  half.layers[1] = {2, 1, 64};
  half.layers[2] = {0, 0, 0};
  contents.levels.levels.insert(contents.levels.levels.begin(), half);
  contents.levels.anchors = {0};
  return contents;
}

std::vector<float> Values(const BundleTensor& tensor) {
  std::vector<float> values(tensor.spec.rows * tensor.spec.columns);
  DecodeTensor(tensor, values);
  return values;
}

void ExpectRoundTrip(const BundleContents& contents) {
  const TemporaryDirectory directory;
  const std::string path = directory.Path("round_trip.elm");
  const Status written = WriteBundle(path, contents, FillTiny);
  ASSERT_TRUE(written.ok()) << written.ToString();
  const auto bundle = Bundle::Open(path);
  ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
  const BundleView& view = (*bundle)->view();
  EXPECT_EQ(view.config, contents.config);
  EXPECT_EQ(view.levels, contents.levels);
  EXPECT_EQ(view.generation, contents.generation);
  EXPECT_EQ(view.tokenizer_model, contents.tokenizer_model);
  EXPECT_EQ(view.provenance_json, contents.provenance_json);
  EXPECT_EQ((*bundle)->file_size(), BundleFileSize(contents).value());
  ASSERT_EQ(view.tensors.size(), ListTensors(contents.config).size());
  for (const BundleTensor& tensor : view.tensors) {
    EXPECT_EQ(tensor.type, tensor.spec.is_vector() ? WeightType::kF32 : contents.weights);
    const std::vector<float> values = Values(tensor);
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(values[i], TinyValue(tensor.spec, i)) << tensor.spec.name << " element " << i;
    }
  }
  const Status verified = (*bundle)->VerifyWeights();
  EXPECT_TRUE(verified.ok()) << verified.ToString();
}

TEST(BundleTest, RoundTripInEveryElementType) {
  for (WeightType weights : {WeightType::kF32, WeightType::kF16, WeightType::kBf16}) {
    SCOPED_TRACE(WeightTypeName(weights));
    ExpectRoundTrip(TinyContents(weights));
    ExpectRoundTrip(OddContents(weights, true));
    ExpectRoundTrip(OddContents(weights, false));
  }
}

// Larger than one chunk of the writer, for both layouts.
TEST(BundleTest, RoundTripOfMatricesThatAreWrittenInPieces) {
  BundleContents contents = TinyContents();
  contents.config.layers = 1;
  contents.config.width = 1500;
  contents.config.neurons = 1100;
  contents.config.vocab = 900;
  contents.levels = FullLevelOnly(contents.config);
  ExpectRoundTrip(contents);
}

TEST(BundleTest, RoundTripOfWhatMayBeAbsent) {
  BundleContents contents = TinyContents();
  contents.tokenizer_model.clear();
  contents.provenance_json.clear();
  contents.generation = {};
  contents.levels = FullLevelOnly(contents.config);
  ExpectRoundTrip(contents);
}

TEST(BundleTest, TheSameContentsGiveTheSameBytes) {
  const auto first = MakeBundleBytes(TinyContents());
  const auto second = MakeBundleBytes(TinyContents());
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(*first, *second);
}

TEST(BundleTest, FindsTensorsByRoleAndLayer) {
  const TemporaryDirectory directory;
  const std::string path = directory.Path("find.elm");
  for (bool tied : {false, true}) {
    const BundleContents contents = OddContents(WeightType::kF16, tied);
    ASSERT_TRUE(WriteBundle(path, contents, FillTiny).ok());
    const auto bundle = Bundle::Open(path).value();
    for (const BundleTensor& tensor : bundle->view().tensors) {
      EXPECT_EQ(bundle->FindTensor(tensor.spec.role, tensor.spec.layer), &tensor);
    }
    EXPECT_EQ(bundle->FindTensor(TensorRole::kHead, 0) == nullptr, tied);
    EXPECT_EQ(bundle->FindTensor(TensorRole::kQuery, 3), nullptr);
    EXPECT_EQ(bundle->FindTensor(TensorRole::kEmbedding, 1), nullptr);
  }
}

TEST(BundleTest, LevelBytesCountThePrefixes) {
  const TemporaryDirectory directory;
  const std::string path = directory.Path("levels.elm");
  const BundleContents contents = OddContents(WeightType::kF16, false);
  ASSERT_TRUE(WriteBundle(path, contents, FillTiny).ok());
  const auto bundle = Bundle::Open(path).value();
  uint64_t all = 0;
  for (const BundleTensor& tensor : bundle->view().tensors) all += tensor.size;
  EXPECT_EQ(bundle->LevelBytes(1), all);
  // Layer 1 keeps 12 query outputs of 30 (one tile row of two), 64 neurons of 172 (4 of 11; 2
  // panels of 6); layer 2 keeps nothing of its matrices. Width 40 is 64 columns, or 48 rows, in
  // whole tiles.
  const uint64_t query_cut = 2 * (32 - 16) * 64;
  const uint64_t mlp_cut = 2 * (2 * (176 - 64) * 64 + (192 - 64) * 48);
  const uint64_t layer2 = 2 * (32 * 64 + 2 * 16 * 64 + 48 * 32 + 2 * 176 * 64 + 192 * 48);
  EXPECT_EQ(bundle->LevelBytes(0), all - query_cut - mlp_cut - layer2);
  bundle->AdviseLevel(0);  // a hint: must not fail
}

TEST(BundleTest, PlacesEverythingAligned) {
  const auto bytes = MakeBundleBytes(TinyContents()).value();
  const auto view = ParseBundle(bytes, "tiny.elm");
  ASSERT_TRUE(view.ok()) << view.status().ToString();
  for (const BundleSection& section : view->sections) EXPECT_EQ(section.offset % 16384, 0U);
  for (const BundleTensor& tensor : view->tensors) EXPECT_EQ(tensor.offset % 64, 0U);
}

// Views are read at any address: nothing may assume that the buffer is aligned.
TEST(BundleTest, ParsesAtAnyAddress) {
  std::vector<std::byte> bytes = MakeBundleBytes(TinyContents()).value();
  bytes.insert(bytes.begin(), std::byte{0});
  const auto view = ParseBundle(std::span(bytes).subspan(1), "tiny.elm");
  EXPECT_TRUE(view.ok()) << view.status().ToString();
}

TEST(BundleTest, VerificationReadsTheBulkOnceFrontToBack) {
  const auto bytes = MakeBundleBytes(TinyContents()).value();
  const BundleView view = ParseBundle(bytes, "tiny.elm").value();
  uint64_t next = view.sections.back().offset;
  const Status verified = VerifyBulk(bytes, view, "tiny.elm", [&](uint64_t offset, uint64_t size) {
    EXPECT_EQ(offset, next);
    next = offset + size;
  });
  EXPECT_TRUE(verified.ok()) << verified.ToString();
  EXPECT_EQ(next, bytes.size());
}

TEST(BundleTest, RefusesWhatIsNoFile) {
  EXPECT_EQ(Bundle::Open("no/such/file.elm").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Bundle::Open("/").status().code(), StatusCode::kIo);
}

TEST(BundleTest, RefusesOtherFilesByWhatTheyAre) {
  const auto message = [](std::string_view text) {
    return ParseBundle(std::as_bytes(std::span(text)), "x.elm").status().message();
  };
  EXPECT_THAT(message(""), HasSubstr("empty"));
  EXPECT_THAT(message("PK\x03\x04 an archive, surely longer than any header would be........."),
              HasSubstr("not an .elm bundle: it begins with the bytes 50 4b 3 4"));
  EXPECT_THAT(message("\x89"
                      "ELM"),
              HasSubstr("truncated"));
  EXPECT_THAT(message("\x89"
                      "ELM\r\n\x1a\n"),
              HasSubstr("truncated"));
  EXPECT_THAT(message("\x89"
                      "ELM\n\x1a\n"),
              HasSubstr("text mode"));
  EXPECT_THAT(message("\x89"
                      "ELM\r\r\n\x1a\r\n"),
              HasSubstr("text mode"));
  EXPECT_THAT(message("\x09"
                      "ELM\r\n\x1a\n"),
              HasSubstr("text mode"));
  EXPECT_THAT(message("\xc2\x89"
                      "ELM\r\n\x1a\n"),
              HasSubstr("text mode"));
}

}  // namespace
}  // namespace elm
