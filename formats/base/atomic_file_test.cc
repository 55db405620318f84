#include "formats/base/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "formats/base/mapped_file.h"
#include "formats/base/testing/child_process.h"
#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string Contents(const std::string& path) {
  return ReadFile(path, 1 << 20).ok() ? *ReadFile(path, 1 << 20) : "<unreadable>";
}

TEST(AtomicFileTest, AppearsOnlyWithCommit) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.Path("model.elm");
  Result<AtomicFile> file = AtomicFile::Create(path);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_TRUE(file->Reserve(8).ok());
  EXPECT_TRUE(file->WriteAt(4, Bytes("5678")).ok());
  EXPECT_TRUE(file->WriteAt(0, Bytes("1234")).ok());
  EXPECT_THAT(directory.Entries(), ElementsAre(StrCat("model.elm.tmp-", getpid())));
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_THAT(directory.Entries(), ElementsAre("model.elm"));
  EXPECT_EQ(Contents(path), "12345678");
}

TEST(AtomicFileTest, WithoutCommitTheOldFileStays) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.Path("file");
  ASSERT_TRUE(WriteFileAtomically(path, "old").ok());
  {
    Result<AtomicFile> file = AtomicFile::Create(path);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->WriteAt(0, Bytes("new")).ok());
  }
  EXPECT_EQ(Contents(path), "old");
  EXPECT_THAT(directory.Entries(), ElementsAre("file"));
}

TEST(AtomicFileTest, ReplacesTheOldFile) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.Path("file");
  ASSERT_TRUE(WriteFileAtomically(path, "a longer old text").ok());
  ASSERT_TRUE(WriteFileAtomically(path, "new").ok());
  EXPECT_EQ(Contents(path), "new");
}

TEST(AtomicFileTest, MovingHandsTheFileOver) {
  const testing::TemporaryDirectory directory;
  Result<AtomicFile> created = AtomicFile::Create(directory.Path("file"));
  ASSERT_TRUE(created.ok());
  {
    AtomicFile file = std::move(created).value();
    ASSERT_TRUE(file.WriteAt(0, Bytes("x")).ok());
    ASSERT_TRUE(file.Commit().ok());
  }
  EXPECT_THAT(directory.Entries(), ElementsAre("file"));
}

TEST(AtomicFileTest, FullDiskLosesNothing) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.Path("file");
  ASSERT_TRUE(WriteFileAtomically(path, "old").ok());
  const int exit_code = testing::RunInChild([&] {
    if (!testing::LimitFileSize(4096)) return 1;
    const Status written = WriteFileAtomically(path, std::string(8192, 'x'));
    if (written.code() != StatusCode::kNoSpace) return 2;
    if (written.message().find(path) == std::string::npos) return 3;
    Result<AtomicFile> file = AtomicFile::Create(path);
    if (!file.ok()) return 4;
    return file->Reserve(1 << 20).code() == StatusCode::kNoSpace ? 0 : 5;
  });
  EXPECT_EQ(exit_code, 0);
  EXPECT_EQ(Contents(path), "old");
}

TEST(AtomicFileTest, MissingRightsAreNoticedAtOnce) {
  const testing::TemporaryDirectory directory;
  ASSERT_EQ(chmod(directory.path().c_str(), 0555), 0);
  const int exit_code = testing::RunInChild([&] {
    if (!testing::DropRootRights()) return 1;
    const Status status = AtomicFile::Create(directory.Path("file")).status();
    if (status.code() != StatusCode::kIo) return 2;
    return status.message().find(directory.Path("file")) != std::string::npos ? 0 : 3;
  });
  EXPECT_EQ(exit_code, 0);
  ASSERT_EQ(chmod(directory.path().c_str(), 0755), 0);
  EXPECT_THAT(directory.Entries(), IsEmpty());
}

TEST(AtomicFileTest, MissingDirectoryIsNotFound) {
  const testing::TemporaryDirectory directory;
  const Status status = AtomicFile::Create(directory.Path("none/file")).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr(directory.Path("none/file")));
}

TEST(AtomicFileTest, DirectoryIsNotOverwritten) {
  const testing::TemporaryDirectory directory;
  EXPECT_EQ(AtomicFile::Create(directory.path()).status().code(), StatusCode::kIo);
}

TEST(AtomicFileTest, StaleTemporariesGoAndLivingOnesStay) {
  const testing::TemporaryDirectory directory;
  // A process that has just ended and been waited for: nobody has its number now.
  testing::ChildProcess gone([] { return 0; });
  ASSERT_EQ(gone.Wait().exit_code, 0);
  const std::string stale = StrCat("file.tmp-", gone.pid());
  const std::string living = StrCat("file.tmp-", getppid());
  for (const std::string& name :
       {stale, living, std::string("file.tmp-x"), std::string("other.tmp-999999999")}) {
    std::ofstream(directory.Path(name)) << "x";
  }
  ASSERT_TRUE(WriteFileAtomically(directory.Path("file"), "y").ok());
  EXPECT_THAT(directory.Entries(),
              ::testing::UnorderedElementsAre("file", living, "file.tmp-x", "other.tmp-999999999"));
}

}  // namespace
}  // namespace elm
