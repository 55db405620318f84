#include "formats/workspace/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "formats/base/atomic_file.h"
#include "formats/base/mapped_file.h"
#include "formats/base/testing/child_process.h"
#include "formats/base/testing/temporary_directory.h"
#include "formats/workspace/scores.h"
#include "formats/workspace/sha256.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;

const std::string kHash = Sha256OfString("something");

Manifest Sample() {
  Manifest manifest;
  manifest.seed = UINT64_MAX;
  manifest.config = R"({"levels":[0.2,1.0],"name":"grün"})";
  manifest.versions = {{"elmc", "0.1.0"}, {"hdf5", "1.10.8"}};
  manifest.inputs = {{"models/a \"b\".bin", uint64_t{1} << 40, kHash}};
  manifest.Begin("profile", kHash);
  manifest.Finish("profile", {{"scores.h5", 12, kHash}, {"layers.h5", 0, kHash}});
  manifest.Begin("plan", kHash);
  return manifest;
}

// Sample()'s text with the first `from` replaced.
std::string Edited(const std::string& text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  std::string edited = text;
  return edited.replace(at, from.size(), to);
}

class ManifestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = directory_.Path("manifest.json");
    ASSERT_TRUE(SaveManifest(path_, Sample()).ok());
    text_ = *ReadFile(path_, 1 << 20);
  }
  Status LoadText(const std::string& text) {
    std::ofstream(path_, std::ios::binary) << text;  // many times, so without a sync
    return LoadManifest(path_).status();
  }
  void WriteOutput(const std::string& name, const std::string& contents) {
    std::ofstream(directory_.Path(name), std::ios::binary) << contents;
  }

  TemporaryDirectory directory_;
  std::string path_;
  std::string text_;
};

TEST_F(ManifestTest, ReturnsWhatWasSaved) {
  const Result<Manifest> loaded = LoadManifest(path_);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_EQ(*loaded, Sample());
  ASSERT_TRUE(SaveManifest(path_, *loaded).ok());
  EXPECT_EQ(*ReadFile(path_, 1 << 20), text_) << "equal manifests give equal bytes";
}

TEST_F(ManifestTest, BeginReplacesAndFinishCompletes) {
  Manifest manifest = Sample();
  EXPECT_EQ(manifest.Find("absent"), nullptr);
  ASSERT_NE(manifest.Find("profile"), nullptr);
  EXPECT_EQ(manifest.Find("profile")->outputs.size(), 2U);
  manifest.Begin("profile", kHash);
  EXPECT_EQ(manifest.Find("profile")->status, StageStatus::kRunning);
  EXPECT_TRUE(manifest.Find("profile")->outputs.empty());
  EXPECT_EQ(manifest.stages.size(), 2U);
}

TEST_F(ManifestTest, RefusesWhatIsNoManifest) {
  EXPECT_THAT(LoadText("").message(), HasSubstr("is not JSON"));
  EXPECT_THAT(LoadText(text_.substr(0, text_.size() / 2)).message(), HasSubstr("is not JSON"));
  EXPECT_THAT(LoadText("[1, 2]").message(), HasSubstr("is not a JSON object"));
  EXPECT_THAT(LoadText("{}").message(), HasSubstr("program: is missing"));
  EXPECT_THAT(LoadText(std::string(100000, '[')).message(), HasSubstr("is not JSON"));
  EXPECT_EQ(LoadManifest(directory_.Path("absent")).status().code(), StatusCode::kNotFound);
}

TEST_F(ManifestTest, RefusesAnotherProgramAndSchema) {
  const Status program = LoadText(Edited(text_, "\"elmc\",", "\"make\","));
  EXPECT_EQ(program.code(), StatusCode::kCorruption);
  EXPECT_EQ(program.message(), path_ + ": belongs to the program \"make\", expected \"elmc\"");
  const Status schema = LoadText(Edited(text_, "\"schema\": 1", "\"schema\": 2"));
  EXPECT_EQ(schema.code(), StatusCode::kUnsupported);
  EXPECT_THAT(schema.message(), HasSubstr("has schema 2, this program reads schema 1"));
}

TEST_F(ManifestTest, NamesTheFieldThatIsWrong) {
  const struct {
    const char* from;
    const char* to;
    const char* message;
  } cases[] = {
      {"\"seed\": 18446744073709551615", "\"seed\": -1",
       "seed: is number, expected a whole number"},
      {"\"seed\"", "\"sead\"", "seed: is missing"},
      {"\"config\": {", "\"config\": 3, \"x\": {", "config: is number, expected object"},
      {"\"1.10.8\"", "7", "versions.hdf5: is not a string"},
      {"\"path\"", "\"file\"", "inputs[0].path: is missing"},
      {"\"running\"", "\"asleep\"", "stages[1].status: is \"asleep\", expected \"running\" or"},
      {"\"size\": 12\n", "\"size\": \"12\"\n", "stages[0].outputs[0].size: is string, expected"},
      {"\"name\": \"plan\"", "\"name\": \"profile\"", "stages: names \"profile\" twice"},
      {"\"stages\": [", "\"stages\": [4, ", "stages[0]: is number, expected object"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT(LoadText(Edited(text_, test.from, test.to)).message(), HasSubstr(test.message));
  }
  EXPECT_THAT(LoadText(Edited(text_, kHash, kHash.substr(1))).message(),
              HasSubstr("expected 64 lower-case hexadecimal digits"));
}

TEST_F(ManifestTest, TruncationIsRefusedInOneLine) {
  for (size_t size = 0; size + 1 < text_.size(); size += 7) {
    const Status status = LoadText(text_.substr(0, size));
    ASSERT_FALSE(status.ok()) << size;
    ASSERT_EQ(status.message().find('\n'), std::string::npos);
  }
}

TEST_F(ManifestTest, RefusesToSaveWhatItCouldNotLoad) {
  Manifest manifest = Sample();
  manifest.config = "[]";
  EXPECT_THAT(SaveManifest(path_, manifest).message(), HasSubstr("config: is not a JSON object"));
  manifest = Sample();
  manifest.inputs[0].path = "\xff";
  EXPECT_THAT(SaveManifest(path_, manifest).message(), HasSubstr("is not UTF-8 at byte 0"));
  EXPECT_EQ(*ReadFile(path_, 1 << 20), text_) << "what stood there is untouched";
}

TEST_F(ManifestTest, NoSpaceKeepsTheOldManifest) {
  EXPECT_EQ(testing::RunInChild([this] {
              if (!testing::LimitFileSize(10)) return 1;
              return SaveManifest(path_, Manifest()).code() == StatusCode::kNoSpace ? 0 : 2;
            }),
            0);
  EXPECT_EQ(*ReadFile(path_, 1 << 20), text_);
  EXPECT_EQ(directory_.Entries().size(), 1U);
}

TEST_F(ManifestTest, StageIsFreshOnlyWithItsKeyAndOutputs) {
  const std::string& directory = directory_.path();
  WriteOutput("scores.h5", "scores");
  Manifest manifest;
  const auto freshness = [&](const std::string& key) {
    return CheckStage(manifest, directory, "profile", key);
  };
  EXPECT_EQ(freshness(kHash).reason, "has not run yet");
  manifest.Begin("profile", kHash);
  EXPECT_EQ(freshness(kHash).reason, "was interrupted");
  manifest.Finish("profile", {*Fingerprint(directory, "scores.h5")});
  EXPECT_TRUE(freshness(kHash).fresh);
  EXPECT_EQ(freshness(Sha256OfString("else")).reason, "something it depends on has changed");

  WriteOutput("scores.h5", "score");
  EXPECT_EQ(freshness(kHash).reason, "scores.h5 has 5 bytes, expected 6");
  WriteOutput("scores.h5", "Scores");
  EXPECT_FALSE(freshness(kHash).fresh);
  EXPECT_THAT(freshness(kHash).reason, HasSubstr("scores.h5 has changed: SHA-256 is"));
  std::filesystem::remove(directory_.Path("scores.h5"));
  EXPECT_EQ(freshness(kHash).reason, "scores.h5 is missing");
}

TEST_F(ManifestTest, StageIsStaleAfterFlippedBitsOfItsHdf5Output) {
  LayerScores scores;
  scores.sequences = 1;
  scores.skipped_loss_sum = {1, 2};
  const std::string output = directory_.Path("layers.h5");
  ASSERT_TRUE(SaveLayerScores(output, scores).ok());
  Manifest manifest;
  manifest.Begin("profile", kHash);
  manifest.Finish("profile", {*Fingerprint(directory_.path(), "layers.h5")});
  std::string bytes = *ReadFile(output, 1 << 20);
  for (size_t i = 0; i < bytes.size(); i += 29) {
    bytes[i] ^= 0x20;
    WriteOutput("layers.h5", bytes);
    ASSERT_FALSE(CheckStage(manifest, directory_.path(), "profile", kHash).fresh) << "byte " << i;
    bytes[i] ^= 0x20;
  }
  WriteOutput("layers.h5", bytes);
  EXPECT_TRUE(CheckStage(manifest, directory_.path(), "profile", kHash).fresh);
}

TEST_F(ManifestTest, OutputsMayLieElsewhere) {
  const TemporaryDirectory elsewhere;
  const std::string bundle = elsewhere.Path("model.elm");
  ASSERT_TRUE(WriteFileAtomically(bundle, "bundle").ok());
  const Result<FileFingerprint> file = Fingerprint(directory_.path(), bundle);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->path, bundle);
  EXPECT_EQ(file->size, 6U);
  EXPECT_EQ(file->sha256, Sha256OfString("bundle"));
}

}  // namespace
}  // namespace elm
