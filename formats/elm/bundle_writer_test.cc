#include "formats/elm/bundle_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "formats/base/testing/child_process.h"
#include "formats/base/testing/temporary_directory.h"
#include "formats/elm/testing/tiny_bundle.h"

namespace elm {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::FillTiny;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TinyContents;

class BundleWriterTest : public ::testing::Test {
 protected:
  std::string Path() const { return directory_.Path("model.elm"); }

  testing::TemporaryDirectory directory_;
};

TEST_F(BundleWriterTest, ReportsProgressUpToTheFileSize) {
  uint64_t last = 0;
  size_t calls = 0;
  const Status written =
      WriteBundle(Path(), TinyContents(), FillTiny, [&](uint64_t done, uint64_t total) {
        EXPECT_GE(done, last);
        EXPECT_EQ(total, BundleFileSize(TinyContents()).value());
        last = done;
        ++calls;
      });
  EXPECT_TRUE(written.ok()) << written.ToString();
  EXPECT_EQ(last, fs::file_size(Path()));
  EXPECT_GE(calls, ListTensors(TinyContents().config).size());
}

TEST_F(BundleWriterTest, AsksForEveryTensorInOrder) {
  std::vector<std::string> names;
  const Status written = WriteBundle(Path(), TinyContents(), [&](const TensorSpec& spec, auto v) {
    EXPECT_EQ(v.size(), spec.rows * spec.columns);
    names.push_back(spec.name);
    return FillTiny(spec, v);
  });
  EXPECT_TRUE(written.ok()) << written.ToString();
  std::vector<std::string> expected;
  for (const TensorSpec& spec : ListTensors(TinyContents().config)) expected.push_back(spec.name);
  EXPECT_EQ(names, expected);
}

TEST_F(BundleWriterTest, AFailingSourceLeavesNothing) {
  int tensors = 0;
  const Status written = WriteBundle(Path(), TinyContents(), [&](const TensorSpec& spec, auto v) {
    return ++tensors == 5 ? NotFound("tensor five") : FillTiny(spec, v);
  });
  EXPECT_EQ(written.code(), StatusCode::kNotFound);
  EXPECT_THAT(directory_.Entries(), IsEmpty());
}

struct BadValue {
  WeightType weights;
  float value;
};

TEST_F(BundleWriterTest, RefusesValuesThatTheElementTypeCannotHold) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float largest = std::numeric_limits<float>::max();
  for (const auto& [weights, value] : std::vector<BadValue>{{WeightType::kF32, infinity},
                                                            {WeightType::kF32, std::nanf("")},
                                                            {WeightType::kF16, 65520.0F},
                                                            {WeightType::kF16, -1e6F},
                                                            {WeightType::kBf16, largest}}) {
    const auto source = [bad = value](const TensorSpec& spec, std::span<float> values) {
      ELM_RETURN_IF_ERROR(FillTiny(spec, values));
      if (spec.role == TensorRole::kDown) values[2 * spec.columns + 3] = bad;
      return Status::Ok();
    };
    const Status written = WriteBundle(Path(), TinyContents(weights), source);
    EXPECT_EQ(written.code(), StatusCode::kInvalidArgument) << WeightTypeName(weights);
    EXPECT_THAT(written.message(),
                HasSubstr("model.layers.0.mlp.down_proj.weight: row 2, column 3"));
    EXPECT_THAT(written.message(), HasSubstr(WeightTypeName(weights)));
    EXPECT_THAT(directory_.Entries(), IsEmpty());
  }
}

TEST_F(BundleWriterTest, TheLargestF16IsNoOverflow) {
  const auto source = [](const TensorSpec&, std::span<float> values) {
    std::fill(values.begin(), values.end(), 65519.0F);
    return Status::Ok();
  };
  EXPECT_TRUE(WriteBundle(Path(), TinyContents(WeightType::kF16), source).ok());
}

TEST_F(BundleWriterTest, RefusesContentsThatNoReaderAccepts) {
  const auto refusal = [&](const std::function<void(BundleContents&)>& change) {
    BundleContents contents = TinyContents();
    change(contents);
    const Status written = WriteBundle(Path(), contents, FillTiny);
    EXPECT_THAT(directory_.Entries(), IsEmpty());
    EXPECT_FALSE(BundleFileSize(contents).ok());
    return written.message();
  };
  EXPECT_THAT(refusal([](auto& c) { c.config.head_dim = 3; }), HasSubstr("head_dim is 3"));
  EXPECT_THAT(refusal([](auto& c) { c.levels.levels.clear(); }), HasSubstr("0 levels"));
  EXPECT_THAT(refusal([](auto& c) { c.generation.stop_ids = {10}; }), HasSubstr("stop id 10"));
  EXPECT_THAT(refusal([](auto& c) { c.generation.stop_ids.assign(257, 1); }),
              HasSubstr("257 stop ids"));
  EXPECT_THAT(refusal([](auto& c) { c.generation.chat_template.assign(1, '\xff'); }),
              HasSubstr("chat template: not UTF-8"));
  EXPECT_THAT(refusal([](auto& c) { c.provenance_json.assign(1, '\xff'); }),
              HasSubstr("provenance: not UTF-8"));
  EXPECT_THAT(refusal([](auto& c) { c.tokenizer_model.resize(layout::kMaxSmallSection + 1); }),
              HasSubstr("tokenizer: 268435457 bytes, at most 268435456"));
}

// Writes in a child process after `prepare`, and expects a failure of kind `code` that names the
// file.
bool FailsInChild(const std::string& path, const std::function<bool()>& prepare, StatusCode code) {
  return testing::RunInChild([&] {
           if (!prepare()) return 2;
           const Status written = WriteBundle(path, TinyContents(WeightType::kF32), FillTiny);
           return written.code() == code && written.message().starts_with(path) ? 0 : 1;
         }) == 0;
}

TEST_F(BundleWriterTest, NoWritePermissionIsOneClearError) {
  fs::permissions(directory_.path(), static_cast<fs::perms>(0555));
  EXPECT_TRUE(FailsInChild(Path(), testing::DropRootRights, StatusCode::kIo));
  EXPECT_THAT(directory_.Entries(), IsEmpty());
}

TEST_F(BundleWriterTest, AMissingDirectoryIsNamed) {
  const Status written = WriteBundle(StrCat(Path(), "/below/model.elm"), TinyContents(), FillTiny);
  EXPECT_EQ(written.code(), StatusCode::kNotFound);
  EXPECT_THAT(written.message(), HasSubstr("below/model.elm"));
}

// The file-size limit stands for a full disk: the same path, and it needs no disk of its own.
TEST_F(BundleWriterTest, NoSpaceLeavesWhatStoodThere) {
  ASSERT_TRUE(WriteBundle(Path(), TinyContents(WeightType::kF16), FillTiny).ok());
  const auto size_before = fs::file_size(Path());
  constexpr rlim_t kLess = 50000;
  EXPECT_TRUE(FailsInChild(
      Path(), [] { return testing::LimitFileSize(kLess); }, StatusCode::kNoSpace));
  EXPECT_THAT(directory_.Entries(), ElementsAre("model.elm"));
  EXPECT_EQ(fs::file_size(Path()), size_before);
}

}  // namespace
}  // namespace elm
