#include "formats/workspace/hdf5_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <span>

#include "formats/base/mapped_file.h"
#include "formats/base/testing/child_process.h"
#include "formats/base/testing/temporary_directory.h"
#include "formats/workspace/guard_block.h"

namespace elm {
namespace {

using testing::DropRootRights;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LimitFileSize;
using testing::RunInChild;
using testing::TemporaryDirectory;

constexpr uint64_t kMaxTestFile = uint64_t{1} << 24;

Status WriteSample(const std::string& path, const std::string& kind = "sample",
                   uint64_t version = 3) {
  ELM_ASSIGN_OR_RETURN(Hdf5Writer file, Hdf5Writer::Create(path, kind, version));
  ELM_RETURN_IF_ERROR(file.WriteString("text", "gr\xc3\xbc\xc3\x9f"));
  ELM_RETURN_IF_ERROR(file.WriteString("empty", ""));
  ELM_RETURN_IF_ERROR(file.WriteInteger("largest", UINT64_MAX));
  ELM_RETURN_IF_ERROR(file.WriteNumber("third", 1.0 / 3));
  ELM_RETURN_IF_ERROR(file.WriteDataset<double>("double", {0.1, -2e300, 3}, {3}));
  ELM_RETURN_IF_ERROR(file.WriteDataset<float>("float", {1, 2, 3, 4, 5, 0.1F}, {2, 3}));
  ELM_RETURN_IF_ERROR(file.WriteDataset<uint16_t>("uint16", {0, 65535}, {2, 1, 1}));
  ELM_RETURN_IF_ERROR(file.WriteDataset<uint32_t>("uint32", {UINT32_MAX}, {1}));
  ELM_RETURN_IF_ERROR(file.WriteDataset<uint64_t>("uint64", {UINT64_MAX, 7}, {2}));
  ELM_RETURN_IF_ERROR(file.WriteDataset<uint32_t>("none", {}, {0}));
  return file.Commit();
}

Result<Hdf5Reader> OpenSample(const std::string& path) {
  return Hdf5Reader::Open(path, "sample", 3);
}

std::string Contents(const std::string& path) {
  Result<std::string> bytes = ReadFile(path, kMaxTestFile);
  return bytes.ok() ? *bytes : "unreadable: " + bytes.status().message();
}

// Reads everything that the sample holds and returns how much of it could be read.
int CountReadable(const Hdf5Reader& file) {
  int readable = file.ReadString("text").ok() + file.ReadString("empty").ok() +
                 file.ReadInteger("largest").ok() + file.ReadNumber("third").ok();
  readable += file.ReadDataset<double>("double", {3}).ok();
  readable += file.ReadDataset<float>("float", {2, 3}).ok();
  readable += file.ReadDataset<uint16_t>("uint16", {2, 1, 1}).ok();
  readable += file.ReadDataset<uint32_t>("uint32", {1}).ok();
  readable += file.ReadDataset<uint64_t>("uint64", {2}).ok();
  readable += file.ReadDataset<uint32_t>("none", {0}).ok();
  return readable;
}
constexpr int kReadable = 10;

class Hdf5FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_FALSE(directory_.path().empty());
    path_ = directory_.Path("sample.h5");
  }
  // Opens what `bytes` are as a file.
  Result<Hdf5Reader> OpenBytes(const std::string& bytes) {
    const std::string path = directory_.Path("damaged.h5");
    std::ofstream(path, std::ios::binary) << bytes;  // thousands of times, so without a sync
    return OpenSample(path);
  }

  TemporaryDirectory directory_;
  std::string path_;
};

TEST_F(Hdf5FileTest, ReturnsEveryTypeAndShape) {
  ASSERT_TRUE(WriteSample(path_).ok());
  const Result<Hdf5Reader> file = OpenSample(path_);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ(CountReadable(*file), kReadable);
  EXPECT_EQ(*file->ReadString("text"), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(*file->ReadString("empty"), "");
  EXPECT_EQ(*file->ReadInteger("largest"), UINT64_MAX);
  EXPECT_EQ(*file->ReadNumber("third"), 1.0 / 3);
  EXPECT_EQ(*file->ReadDataset<double>("double", {3}), (std::vector<double>{0.1, -2e300, 3}));
  EXPECT_EQ(*file->ReadDataset<float>("float", {2, 3}), (std::vector<float>{1, 2, 3, 4, 5, 0.1F}));
  EXPECT_EQ(*file->ReadDataset<uint16_t>("uint16", {2, 1, 1}), (std::vector<uint16_t>{0, 65535}));
  EXPECT_EQ(*file->ReadDataset<uint32_t>("uint32", {1}), std::vector<uint32_t>{UINT32_MAX});
  EXPECT_EQ(*file->ReadDataset<uint64_t>("uint64", {2}), (std::vector<uint64_t>{UINT64_MAX, 7}));
  EXPECT_THAT(*file->ReadDataset<uint32_t>("none", {0}), IsEmpty());
  EXPECT_EQ(*file->ReadShape("float", 2), (Hdf5Shape{2, 3}));
  EXPECT_TRUE(file->HasDataset("none"));
  EXPECT_FALSE(file->HasDataset("nothing"));
}

TEST_F(Hdf5FileTest, SameCallsGiveSameBytes) {
  const std::string again = directory_.Path("again.h5");
  ASSERT_TRUE(WriteSample(path_).ok());
  ASSERT_TRUE(WriteSample(again).ok());
  EXPECT_EQ(Contents(path_), Contents(again));
}

TEST_F(Hdf5FileTest, AppearsOnlyOnCommit) {
  {
    Result<Hdf5Writer> file = Hdf5Writer::Create(path_, "sample", 3);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->WriteInteger("number", 1).ok());
  }
  EXPECT_THAT(directory_.Entries(), IsEmpty());
}

TEST_F(Hdf5FileTest, RefusesUnknownNamesTypesAndShapes) {
  ASSERT_TRUE(WriteSample(path_).ok());
  const Result<Hdf5Reader> file = OpenSample(path_);
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(file->ReadDataset<float>("absent", {1}).status().message(),
              HasSubstr("has no dataset \"absent\""));
  EXPECT_THAT(file->ReadString("absent").status().message(),
              HasSubstr("has no attribute \"absent\""));
  EXPECT_THAT(file->ReadDataset<float>("double", {3}).status().message(),
              HasSubstr("double: is not of type float32"));
  EXPECT_THAT(file->ReadDataset<float>("float", {3, 2}).status().message(),
              HasSubstr("float: has the shape [2, 3], expected [3, 2]"));
  EXPECT_THAT(file->ReadShape("float", 1).status().message(),
              HasSubstr("float: has 2 dimensions, expected 1"));
  EXPECT_THAT(file->ReadInteger("third").status().message(), HasSubstr("third: is not of type"));
  EXPECT_THAT(file->ReadString("third").status().message(), HasSubstr("is not a string"));
  EXPECT_THAT(file->ReadInteger("largest", 10).status().message(),
              HasSubstr("largest: is 18446744073709551615, expected at most 10"));
}

TEST_F(Hdf5FileTest, RefusesAnotherKindAndVersion) {
  ASSERT_TRUE(WriteSample(path_, "other", 3).ok());
  const Status kind = OpenSample(path_).status();
  EXPECT_EQ(kind.code(), StatusCode::kCorruption);
  EXPECT_EQ(kind.message(), path_ + ": holds \"other\", expected \"sample\"");
  ASSERT_TRUE(WriteSample(path_, "sample", 4).ok());
  const Status version = OpenSample(path_).status();
  EXPECT_EQ(version.code(), StatusCode::kUnsupported);
  EXPECT_THAT(version.message(), HasSubstr("version 4, this program reads version 3"));
}

TEST_F(Hdf5FileTest, RefusesWhatCannotBeStored) {
  Result<Hdf5Writer> file = Hdf5Writer::Create(path_, "sample", 3);
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(file->WriteString("long", std::string(100000, 'x')).message(),
              HasSubstr("long: has 100000 bytes, at most"));
  EXPECT_FALSE(file->WriteDataset<float>("float", {1, 2, 3}, {2, 2}).ok());
  ASSERT_TRUE(file->WriteDataset<float>("float", {1}, {1}).ok());
  EXPECT_FALSE(file->WriteDataset<float>("float", {1}, {1}).ok()) << "the name is taken";
}

TEST_F(Hdf5FileTest, RefusesMissingEmptyAndForeignFiles) {
  EXPECT_EQ(OpenSample(path_).status().code(), StatusCode::kNotFound);
  EXPECT_THAT(OpenBytes("").status().message(), HasSubstr("has 0 bytes"));
  EXPECT_THAT(OpenBytes(std::string(4096, 'x')).status().message(),
              HasSubstr("is not a workspace file"));
  EXPECT_EQ(OpenSample(directory_.path()).status().code(), StatusCode::kIo);
}

TEST_F(Hdf5FileTest, RefusesTruncationAndExtension) {
  ASSERT_TRUE(WriteSample(path_).ok());
  const std::string whole = Contents(path_);
  for (size_t size = 0; size < whole.size(); size += 97) {
    ASSERT_EQ(OpenBytes(whole.substr(0, size)).status().code(), StatusCode::kCorruption) << size;
  }
  EXPECT_THAT(OpenBytes(whole.substr(0, whole.size() - 1)).status().message(),
              HasSubstr(StrCat("has ", whole.size() - 1, " bytes, expected ", whole.size())));
  EXPECT_EQ(OpenBytes(whole + 'x').status().code(), StatusCode::kCorruption);
}

TEST_F(Hdf5FileTest, RefusesFlippedBits) {
  ASSERT_TRUE(WriteSample(path_).ok());
  std::string bytes = Contents(path_);
  for (size_t i = 0; i < bytes.size(); i += 41) {
    const auto mask = static_cast<char>(1 << (i % 8));
    bytes[i] ^= mask;
    ASSERT_FALSE(OpenBytes(bytes).ok()) << "byte " << i;
    bytes[i] ^= mask;
  }
}

// Damage with the checksum made right again reaches HDF5 itself: the answer may be anything but a
// crash.
TEST_F(Hdf5FileTest, SurvivesForgedBytes) {
  ASSERT_TRUE(WriteSample(path_).ok());
  std::string bytes = Contents(path_);
  const auto file_bytes = std::as_writable_bytes(std::span(bytes));
  int refused = 0;
  int unreadable = 0;
  for (size_t i = kGuardBlockSize; i < bytes.size(); i += 5) {
    const char original = bytes[i];
    bytes[i] ^= 0x11;
    SetGuardBlock(file_bytes);
    const Result<Hdf5Reader> file = OpenBytes(bytes);
    refused += !file.ok();
    unreadable += file.ok() && CountReadable(*file) < kReadable;
    bytes[i] = original;
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(unreadable, 0);
}

TEST_F(Hdf5FileTest, NoSpaceLeavesNothing) {
  const int code = RunInChild([this] {
    if (!LimitFileSize(600)) return 1;
    return WriteSample(path_).code() == StatusCode::kNoSpace ? 0 : 2;
  });
  EXPECT_EQ(code, 0);
  EXPECT_THAT(directory_.Entries(), IsEmpty());
}

TEST_F(Hdf5FileTest, NoSpaceKeepsWhatStoodThere) {
  ASSERT_TRUE(WriteSample(path_).ok());
  const std::string before = Contents(path_);
  EXPECT_EQ(RunInChild([this] {
              if (!LimitFileSize(600)) return 1;
              return WriteSample(path_, "other").ok() ? 2 : 0;
            }),
            0);
  EXPECT_EQ(Contents(path_), before);
  EXPECT_EQ(directory_.Entries().size(), 1U);
}

TEST_F(Hdf5FileTest, NoPermissionLeavesNothing) {
  ASSERT_EQ(chmod(directory_.path().c_str(), 0555), 0);
  EXPECT_EQ(RunInChild([this] {
              if (!DropRootRights()) return 1;
              return WriteSample(path_).code() == StatusCode::kIo ? 0 : 2;
            }),
            0);
  EXPECT_THAT(directory_.Entries(), IsEmpty());
  EXPECT_EQ(WriteSample(directory_.Path("absent/x.h5")).code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace elm
