// What docs/compatibility.md promises of bundles: old ones are read forever, newer minor versions
// are read as far as they are understood.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "formats/elm/bundle.h"
#include "formats/elm/byte_cursor.h"
#include "formats/elm/layout.h"
#include "formats/elm/testing/fixture_bundles.h"
#include "formats/elm/testing/tiny_bundle.h"

namespace elm {
namespace {

using testing::Fixture;
using testing::FixtureValue;

std::string FixturePath(const Fixture& fixture) { return StrCat(ELM_FIXTURES, "/", fixture.file); }

// Writes the fixtures again, for a new version of the format beside the old ones.
TEST(CompatibilityTest, WriteFixtures) {
  const char* directory = std::getenv("ELM_WRITE_FIXTURES");
  if (directory == nullptr) GTEST_SKIP() << "ELM_WRITE_FIXTURES names no directory";
  std::vector<Fixture> fixtures = testing::Fixtures();
  fixtures.push_back(testing::ElasticFixture());
  for (const Fixture& fixture : fixtures) {
    const std::string path = StrCat(directory, "/", fixture.file);
    if (std::ifstream(path)) continue;  // what a release has written stays
    const Status written = testing::WriteFixture(path, fixture.contents);
    EXPECT_TRUE(written.ok()) << written.ToString();
  }
}

// q8 has steps of 8/32/127.
double ToleranceOf(WeightType type) { return type == WeightType::kQ8 ? 0.001 : 0.0; }

TEST(CompatibilityTest, BundlesOfTheFirstReleaseAreRead) {
  for (const Fixture& fixture : testing::Fixtures()) {
    SCOPED_TRACE(fixture.file);
    const auto bundle = Bundle::Open(FixturePath(fixture));
    ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
    const BundleView& view = (*bundle)->view();
    const BundleContents& contents = fixture.contents;
    EXPECT_EQ(view.major, 1);
    EXPECT_EQ(view.minor, 0);
    EXPECT_EQ(view.config, contents.config);
    EXPECT_EQ(view.levels, contents.levels);
    EXPECT_EQ(view.generation, contents.generation);
    EXPECT_EQ(view.tokenizer_model, contents.tokenizer_model);
    EXPECT_EQ(view.provenance_json, contents.provenance_json);
    const Status verified = (*bundle)->VerifyWeights();
    EXPECT_TRUE(verified.ok()) << verified.ToString();
    for (const BundleTensor& tensor : view.tensors) {
      std::vector<float> values(tensor.spec.rows * tensor.spec.columns);
      DecodeTensor(tensor, values);
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_NEAR(values[i], FixtureValue(tensor.spec.name, tensor.spec.is_vector(), i),
                    ToleranceOf(tensor.type))
            << tensor.spec.name << " element " << i;
      }
    }
    ASSERT_EQ(view.adapters.size(), 1U);
    const BundleAdapter& adapter = view.adapters[0];
    EXPECT_EQ(adapter.level, 0U);
    EXPECT_EQ(adapter.rank, 3U);
    EXPECT_EQ(adapter.scale, 0.5F);
    for (const AdapterTensor& tensor : adapter.plan.tensors) {
      const TileLayout& layout = tensor.layout;
      std::vector<std::byte> halves(layout.rows * layout.columns * sizeof(uint16_t));
      UnpackTiles(layout, sizeof(uint16_t), adapter.bytes.subspan(tensor.offset, tensor.size),
                  halves);
      std::vector<float> values(layout.rows * layout.columns);
      DecodeToFloat(DType::kF16, halves.data(), values);
      const std::string name = StrCat(tensor.layer, " ", AdapterPartName(tensor.part));
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(values[i], FixtureValue(name, false, i)) << name << " element " << i;
      }
    }
  }
}

TEST(CompatibilityTest, ABundleOfVersion11IsRead) {
  const Fixture fixture = testing::ElasticFixture();
  const auto bundle = Bundle::Open(FixturePath(fixture));
  ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
  const BundleView& view = (*bundle)->view();
  EXPECT_EQ(view.major, 1);
  EXPECT_EQ(view.minor, 1);
  ASSERT_TRUE(view.tlm.has_value());
  EXPECT_EQ(view.tlm->settings, fixture.contents.tlm->settings);
  EXPECT_EQ(view.reference_latency, fixture.contents.reference_latency);
  EXPECT_EQ(view.accuracy, fixture.contents.accuracy);
  EXPECT_TRUE((*bundle)->VerifyWeights().ok());
  for (const BundleTlmTensor& tensor : view.tlm->tensors) {
    std::vector<float> values(tensor.spec.rows * tensor.spec.columns);
    DecodeTensor(tensor, values);
    const std::string name = TlmTensorName(tensor.spec);
    for (size_t i = 0; i < values.size(); ++i) {
      const float written = FixtureValue(name, tensor.spec.is_norm() && !tensor.spec.bias, i);
      // The search for the least error may leave a step of 1/32 by a little.
      ASSERT_NEAR(values[i], written, IsQuantised(tensor.type) ? 0.01 : 0.0) << name << " " << i;
    }
  }
}

TEST(CompatibilityTest, TheFixturesHoldEveryElementType) {
  std::vector<WeightType> types;
  for (const Fixture& fixture : testing::Fixtures()) {
    const auto bundle = Bundle::Open(FixturePath(fixture)).value();
    for (const BundleTensor& tensor : bundle->view().tensors) types.push_back(tensor.type);
  }
  for (const WeightType type :
       {WeightType::kF32, WeightType::kF16, WeightType::kBf16, WeightType::kQ8, WeightType::kQ4}) {
    EXPECT_THAT(types, ::testing::Contains(type)) << WeightTypeName(type);
  }
}

// As a later minor version may write it: eight more bytes in the header.
std::vector<std::byte> WithLargerHeader(std::vector<std::byte> file, uint16_t minor) {
  auto header = ReadAt<layout::Header>(file, 0);
  const size_t table_size = header.section_count * sizeof(layout::SectionEntry);
  constexpr size_t kMore = 8;
  std::memmove(file.data() + sizeof header + kMore, file.data() + sizeof header, table_size);
  header.minor = minor;
  header.header_size = sizeof header + kMore;
  header.section_table_offset = header.header_size;
  const size_t hashed = header.header_size - sizeof header.header_hash;
  std::memcpy(file.data(), &header, sizeof header);
  std::memset(file.data() + hashed - kMore, 0x5a, kMore);  // what we know nothing of
  const uint64_t hash = Hash64(std::span(file).first(hashed));
  std::memcpy(file.data() + hashed, &hash, sizeof hash);
  return file;
}

TEST(CompatibilityTest, HeadersOfLaterMinorVersionsAreRead) {
  const BundleContents contents = testing::TinyContents();
  const auto file = testing::MakeBundleBytes(contents).value();
  const auto later = WithLargerHeader(file, layout::kMinor + 1);
  const auto view = ParseBundle(later, "later.elm");
  ASSERT_TRUE(view.ok()) << view.status().ToString();
  EXPECT_EQ(view->minor, layout::kMinor + 1);
  EXPECT_EQ(view->config, contents.config);
  EXPECT_FALSE(ParseBundle(WithLargerHeader(file, layout::kMinor), "this.elm").ok());
  // The bytes we know nothing of are still under the hash.
  for (size_t i = 48; i < 72; ++i) {
    auto damaged = later;
    damaged[i] ^= std::byte{1};
    EXPECT_FALSE(ParseBundle(damaged, "damaged.elm").ok()) << i;
  }
}

}  // namespace
}  // namespace elm
