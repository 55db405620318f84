#include "formats/workspace/scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "formats/base/mapped_file.h"
#include "formats/base/testing/temporary_directory.h"
#include "formats/workspace/hdf5_file.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;

ModelConfig SmallConfig() {
  ModelConfig config;
  config.layers = 3;
  config.query_heads = 4;
  config.kv_heads = 2;
  config.neurons = 7;
  return config;
}

// Whole numbers, so that sums are exact.
std::vector<double> RandomSums(size_t count, std::mt19937_64& random) {
  std::vector<double> values(count);
  for (double& value : values) value = static_cast<double>(random() % 1000);
  return values;
}

UnitScores RandomUnitScores(uint64_t seed, uint64_t sequences) {
  std::mt19937_64 random(seed);
  UnitScores scores = UnitScores::ForModel(SmallConfig());
  scores.sequences = sequences;
  scores.loss_sum = 2.5 * static_cast<double>(sequences);
  for (ScoreMetric metric : {ScoreMetric::kSequence, ScoreMetric::kToken}) {
    scores.of(metric) = {RandomSums(12, random), RandomSums(6, random), RandomSums(21, random)};
  }
  scores.of(ScoreMetric::kExact).heads = RandomSums(12, random);
  return scores;
}

void ExpectEqual(const UnitScores& a, const UnitScores& b) {
  EXPECT_EQ(a.layers, b.layers);
  EXPECT_EQ(a.query_heads, b.query_heads);
  EXPECT_EQ(a.kv_heads, b.kv_heads);
  EXPECT_EQ(a.neurons, b.neurons);
  EXPECT_EQ(a.sequences, b.sequences);
  EXPECT_EQ(a.loss_sum, b.loss_sum);
  for (int i = 0; i < kScoreMetrics; ++i) EXPECT_EQ(a.metrics[i], b.metrics[i]) << i;
}

LayerScores SomeLayerScores() {
  LayerScores scores;
  scores.sequences = 4;
  scores.loss_sum = 8;
  scores.skipped_loss_sum = {12, 8, 20};
  return scores;
}

TEST(ScoreMetricTest, NamesRoundTrip) {
  for (int i = 0; i < kScoreMetrics; ++i) {
    const auto metric = static_cast<ScoreMetric>(i);
    EXPECT_EQ(ParseScoreMetric(ScoreMetricName(metric)), metric);
  }
  EXPECT_STREQ(ScoreMetricName(ScoreMetric::kWeightGradient), "weight-gradient");
  EXPECT_EQ(ParseScoreMetric("Token"), std::nullopt);
}

TEST(UnitScoresTest, FileRoundTripIsExactAndDeterministic) {
  const TemporaryDirectory directory;
  const UnitScores scores = RandomUnitScores(1, 5);
  ASSERT_TRUE(SaveUnitScores(directory.Path("a.h5"), scores).ok());
  ASSERT_TRUE(SaveUnitScores(directory.Path("b.h5"), scores).ok());
  const Result<UnitScores> loaded = LoadUnitScores(directory.Path("a.h5"));
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  ExpectEqual(*loaded, scores);
  EXPECT_EQ(*ReadFile(directory.Path("a.h5"), 1 << 20), *ReadFile(directory.Path("b.h5"), 1 << 20));
}

TEST(UnitScoresTest, MergeAddsUp) {
  const UnitScores a = RandomUnitScores(1, 5);
  const UnitScores b = RandomUnitScores(2, 3);
  UnitScores merged = a;
  ASSERT_TRUE(merged.Merge(b).ok());
  EXPECT_EQ(merged.sequences, 8U);
  EXPECT_EQ(merged.loss_sum, a.loss_sum + b.loss_sum);
  for (size_t i = 0; i < 21; ++i) {
    EXPECT_EQ(merged.of(ScoreMetric::kToken).neurons[i],
              a.of(ScoreMetric::kToken).neurons[i] + b.of(ScoreMetric::kToken).neurons[i]);
  }
  UnitScores other_way = b;
  ASSERT_TRUE(other_way.Merge(a).ok());
  ExpectEqual(merged, other_way);
}

TEST(UnitScoresTest, NoSequencesMergeAsNothing) {
  const UnitScores some = RandomUnitScores(1, 5);
  UnitScores sum = UnitScores::ForModel(SmallConfig());
  ASSERT_TRUE(sum.Merge(some).ok());
  ASSERT_TRUE(sum.Merge(UnitScores::ForModel(SmallConfig())).ok());
  ExpectEqual(sum, some);
}

TEST(UnitScoresTest, MergeRefusesOtherShapesAndMetrics) {
  const UnitScores scores = RandomUnitScores(1, 5);
  UnitScores wider = scores;
  wider.neurons = 8;
  EXPECT_THAT(wider.Merge(scores).message(), HasSubstr("neurons is 8 and 7"));
  UnitScores fewer = scores;
  fewer.of(ScoreMetric::kExact).heads.clear();
  EXPECT_THAT(fewer.Merge(scores).message(), HasSubstr("only one side has exact.heads"));
  UnitScores untouched = scores;
  EXPECT_FALSE(untouched.Merge(fewer).ok());
  ExpectEqual(untouched, scores);
}

TEST(UnitScoresTest, RefusesValuesThatAreNoNumbers) {
  const TemporaryDirectory directory;
  UnitScores scores = RandomUnitScores(1, 5);
  scores.of(ScoreMetric::kToken).groups[2] = std::numeric_limits<double>::quiet_NaN();
  const Status status = SaveUnitScores(directory.Path("a.h5"), scores);
  EXPECT_THAT(status.message(), HasSubstr("a.h5: token.groups[2] is nan"));
  EXPECT_TRUE(directory.Entries().empty());
}

TEST(UnitScoresTest, RefusesArraysOfTheWrongSize) {
  const TemporaryDirectory directory;
  UnitScores scores = RandomUnitScores(1, 5);
  scores.of(ScoreMetric::kToken).heads.pop_back();
  EXPECT_THAT(SaveUnitScores(directory.Path("a.h5"), scores).message(),
              HasSubstr("token.heads: 11 values for the shape [3, 4]"));
}

TEST(UnitScoresTest, RefusesAFileThatContradictsItself) {
  const TemporaryDirectory directory;
  const std::string path = directory.Path("a.h5");
  Result<Hdf5Writer> file = Hdf5Writer::Create(path, "unit-scores", 1);
  ASSERT_TRUE(file.ok());
  for (const char* field : {"layers", "query_heads", "kv_heads", "neurons", "sequences"}) {
    ASSERT_TRUE(file->WriteInteger(field, 2).ok());
  }
  ASSERT_TRUE(file->WriteNumber("loss_sum", 0).ok());
  ASSERT_TRUE(file->WriteDataset<double>("token.heads", {1, 2, 3}, {1, 3}).ok());
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(LoadUnitScores(path).status().message(),
            path + ": token.heads: has the shape [1, 3], expected [2, 2]");
}

TEST(UnitScoresTest, RefusesAnAbsurdModel) {
  const TemporaryDirectory directory;
  const std::string path = directory.Path("a.h5");
  Result<Hdf5Writer> file = Hdf5Writer::Create(path, "unit-scores", 1);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->WriteInteger("layers", 1U << 30).ok());
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_THAT(LoadUnitScores(path).status().message(),
              HasSubstr("layers: is 1073741824, expected at most 1024"));
}

TEST(LayerScoresTest, FileRoundTripAndKind) {
  const TemporaryDirectory directory;
  const std::string path = directory.Path("layers.h5");
  ASSERT_TRUE(SaveLayerScores(path, SomeLayerScores()).ok());
  const Result<LayerScores> loaded = LoadLayerScores(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_EQ(loaded->sequences, 4U);
  EXPECT_EQ(loaded->loss_sum, 8);
  EXPECT_EQ(loaded->skipped_loss_sum, SomeLayerScores().skipped_loss_sum);
  EXPECT_THAT(LoadUnitScores(path).status().message(),
              HasSubstr("holds \"layer-scores\", expected \"unit-scores\""));
}

TEST(LayerScoresTest, ImportanceIsTheLossIncrease) {
  const LayerScores scores = SomeLayerScores();
  EXPECT_EQ(scores.Importance(0), 1);
  EXPECT_EQ(scores.Importance(1), 0);
  EXPECT_EQ(scores.Importance(2), 3);
}

TEST(LayerScoresTest, MergeAddsUpAndRefusesOtherShapes) {
  LayerScores merged = SomeLayerScores();
  ASSERT_TRUE(merged.Merge(SomeLayerScores()).ok());
  EXPECT_EQ(merged.sequences, 8U);
  EXPECT_EQ(merged.loss_sum, 16);
  EXPECT_EQ(merged.skipped_loss_sum, (std::vector<double>{24, 16, 40}));
  EXPECT_EQ(merged.Importance(2), 3) << "the mean of equal halves";
  LayerScores shorter = SomeLayerScores();
  shorter.skipped_loss_sum.pop_back();
  EXPECT_THAT(merged.Merge(shorter).message(), HasSubstr("layers is 3 and 2"));
}

}  // namespace
}  // namespace elm
