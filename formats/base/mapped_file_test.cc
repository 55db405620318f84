#include "formats/base/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "formats/base/testing/child_process.h"
#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

void Write(const std::string& path, std::string_view contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

std::string TextOf(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFileTest, SeesTheWholeFile) {
  const testing::TemporaryDirectory directory;
  const std::string contents(10000, 'x');
  Write(directory.Path("file"), contents + "end");
  for (auto access : {MappedFile::Access::kRandom, MappedFile::Access::kSequential}) {
    const Result<MappedFile> file = MappedFile::Open(directory.Path("file"), access);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    EXPECT_EQ(TextOf(*file), contents + "end");
    EXPECT_EQ(file->path(), directory.Path("file"));
  }
}

TEST(MappedFileTest, EmptyFileIsAnEmptySpan) {
  const testing::TemporaryDirectory directory;
  Write(directory.Path("empty"), "");
  const Result<MappedFile> file = MappedFile::Open(directory.Path("empty"));
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_TRUE(file->bytes().empty());
}

TEST(MappedFileTest, HintsChangeNothing) {
  const testing::TemporaryDirectory directory;
  Write(directory.Path("file"), std::string(20000, 'y'));
  const Result<MappedFile> file = MappedFile::Open(directory.Path("file"));
  ASSERT_TRUE(file.ok());
  for (uint64_t offset : {0, 1, 4095, 4096, 19999, 20000, 20001}) {
    file->WillNeed(offset, 100);
    file->DontNeed(offset, 100);
    file->DontNeed(offset, UINT64_MAX);
    file->DontNeed(offset, 0);
  }
  EXPECT_EQ(TextOf(*file), std::string(20000, 'y'));
}

TEST(MappedFileTest, MovingKeepsTheMapping) {
  const testing::TemporaryDirectory directory;
  Write(directory.Path("a"), "first");
  Write(directory.Path("b"), "second");
  Result<MappedFile> a = MappedFile::Open(directory.Path("a"));
  Result<MappedFile> b = MappedFile::Open(directory.Path("b"));
  ASSERT_TRUE(a.ok() && b.ok());
  MappedFile moved = std::move(a).value();
  EXPECT_EQ(TextOf(moved), "first");
  moved = std::move(b).value();
  EXPECT_EQ(TextOf(moved), "second");
}

TEST(MappedFileTest, RefusesWhatCannotBeMapped) {
  const testing::TemporaryDirectory directory;
  EXPECT_EQ(MappedFile::Open(directory.Path("none")).status().code(), StatusCode::kNotFound);
  const Status of_directory = MappedFile::Open(directory.path()).status();
  EXPECT_EQ(of_directory.code(), StatusCode::kIo);
  EXPECT_THAT(of_directory.message(), HasSubstr(directory.path()));
  EXPECT_THAT(MappedFile::Open("/dev/null").status().message(), HasSubstr("not a regular file"));
}

TEST(MappedFileTest, RefusesAFileThatMayNotBeRead) {
  const testing::TemporaryDirectory directory;
  Write(directory.Path("secret"), "x");
  ASSERT_EQ(chmod(directory.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(directory.Path("secret").c_str(), 0200), 0);
  EXPECT_EQ(testing::RunInChild([&] {
              if (!testing::DropRootRights()) return 1;
              const Status status = MappedFile::Open(directory.Path("secret")).status();
              return status.code() == StatusCode::kIo ? 0 : 2;
            }),
            0);
}

TEST(MappedFileTest, ACopyOutlivesItsFile) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.Path("file");
  const std::string contents(300000, 'q');
  Write(path, contents);
  const Result<MappedFile> copy = MappedFile::Open(path, MappedFile::Access::kCopy);
  ASSERT_TRUE(copy.ok()) << copy.status().ToString();
  EXPECT_TRUE(copy->copied());
  std::filesystem::resize_file(path, 10);
  EXPECT_TRUE(copy->CheckSize().ok());
  copy->DontNeed(0, contents.size());
  EXPECT_EQ(TextOf(*copy), contents);
}

TEST(MappedFileTest, AFileThatShrinksIsNoticed) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.Path("file");
  Write(path, "0123456789");
  const Result<MappedFile> mapped = MappedFile::Open(path);
  ASSERT_TRUE(mapped.ok());
  EXPECT_FALSE(mapped->copied());
  EXPECT_TRUE(mapped->CheckSize().ok());
  std::filesystem::resize_file(path, 12);
  EXPECT_TRUE(mapped->CheckSize().ok());
  std::filesystem::resize_file(path, 4);
  const Status status = mapped->CheckSize();
  EXPECT_EQ(status.code(), StatusCode::kIo);
  EXPECT_THAT(status.message(), HasSubstr("from 10 to 4 bytes"));
}

TEST(ReadFileTest, ReadsUpToTheLimit) {
  const testing::TemporaryDirectory directory;
  const std::string contents(70000, 'z');
  Write(directory.Path("file"), contents);
  const Result<std::string> text = ReadFile(directory.Path("file"), contents.size());
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  EXPECT_EQ(*text, contents);
  EXPECT_THAT(ReadFile(directory.Path("file"), contents.size() - 1).status().message(),
              HasSubstr("larger than 69999 bytes"));
  EXPECT_EQ(ReadFile(directory.Path("none"), 10).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(ReadFile(directory.path(), 10).status().code(), StatusCode::kIo);
}

}  // namespace
}  // namespace elm
