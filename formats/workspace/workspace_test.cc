#include "formats/workspace/workspace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "formats/base/atomic_file.h"
#include "formats/base/mapped_file.h"
#include "formats/base/testing/child_process.h"
#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::RunInChild;
using testing::TemporaryDirectory;

namespace fs = std::filesystem;

void Write(const std::string& path, const std::string& contents) {
  ASSERT_TRUE(WriteFileAtomically(path, contents).ok());
}

// Opens in a child process and returns the failure's exit code, 0 when it opened.
int OpenInChild(const std::string& directory) {
  return RunInChild([&] { return ExitCode(Workspace::Open(directory).status()); });
}

TEST(WorkspaceTest, CreatesTakesEmptyAndReopens) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(Workspace::Open(directory.path()).ok()) << "an empty directory";
  EXPECT_TRUE(Workspace::Open(directory.path()).ok()) << "one made before";
  const std::string nested = directory.Path("a/b/c");
  const Result<Workspace> workspace = Workspace::Open(nested);
  ASSERT_TRUE(workspace.ok()) << workspace.status().ToString();
  EXPECT_EQ(workspace->directory(), nested);
  EXPECT_EQ(workspace->Path("x"), nested + "/x");
  EXPECT_EQ(workspace->manifest_path(), nested + "/manifest.json");
}

TEST(WorkspaceTest, KeepsItsOutputs) {
  const TemporaryDirectory directory;
  {
    const Result<Workspace> workspace = Workspace::Open(directory.path());
    ASSERT_TRUE(workspace.ok());
    Write(workspace->Path("scores.h5"), "scores");
  }
  ASSERT_TRUE(Workspace::Open(directory.path()).ok());
  EXPECT_EQ(*ReadFile(directory.Path("scores.h5"), 100), "scores");
}

TEST(WorkspaceTest, RefusesForeignDirectoryAndTouchesNothing) {
  const TemporaryDirectory directory;
  Write(directory.Path("thesis.tex"), "years of work");
  Write(directory.Path("notes.tmp-1"), "looks like a temporary file");
  const auto before = fs::last_write_time(directory.path());
  const Status status = Workspace::Open(directory.path()).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("is not a workspace and holds other files"));
  EXPECT_THAT(directory.Entries(), ElementsAre("notes.tmp-1", "thesis.tex"));
  EXPECT_EQ(fs::last_write_time(directory.path()), before);
  EXPECT_FALSE(Workspace::Check(directory.path()).ok());
}

TEST(WorkspaceTest, RefusesFileAndOtherVersion) {
  const TemporaryDirectory directory;
  Write(directory.Path("file"), "x");
  EXPECT_THAT(Workspace::Open(directory.Path("file")).status().message(),
              HasSubstr("is not a directory"));
  fs::create_directory(directory.Path("newer"));
  Write(directory.Path("newer/elm-workspace"), "elm workspace, version 9\n");
  EXPECT_EQ(Workspace::Open(directory.Path("newer")).status().code(), StatusCode::kUnsupported);
}

TEST(WorkspaceTest, CheckChangesNothing) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(Workspace::Check(directory.path()).ok());
  EXPECT_TRUE(Workspace::Check(directory.Path("absent")).ok());
  EXPECT_THAT(directory.Entries(), IsEmpty());
}

TEST(WorkspaceTest, SecondProcessIsToldWhoHoldsIt) {
  const TemporaryDirectory directory;
  std::optional<Result<Workspace>> held = Workspace::Open(directory.path());
  ASSERT_TRUE(held->ok());
  const pid_t holder = getpid();
  EXPECT_EQ(RunInChild([&] {
              const Status status = Workspace::Open(directory.path()).status();
              const std::string expected =
                  StrCat("workspace ", directory.path(), " is in use by process ", holder, ";");
              return status.message().starts_with(expected) ? 0 : 1;
            }),
            0);
  held.reset();
  EXPECT_EQ(OpenInChild(directory.path()), 0) << "released";
}

TEST(WorkspaceTest, LockEndsWithItsProcess) {
  const TemporaryDirectory directory;
  EXPECT_EQ(RunInChild([&] {
              const Result<Workspace> workspace = Workspace::Open(directory.path());
              if (!workspace.ok()) return 1;
              raise(SIGKILL);
              return 2;
            }),
            128 + SIGKILL);
  EXPECT_TRUE(Workspace::Open(directory.path()).ok());
}

TEST(WorkspaceTest, RecoversFromAKillWhileOpening) {
  const TemporaryDirectory directory;
  Write(directory.Path(".elm-lock"), "999999999\n");
  Write(directory.Path("elm-workspace.tmp-999999999"), "elm wo");
  EXPECT_TRUE(Workspace::Open(directory.path()).ok());
}

TEST(WorkspaceTest, RemovesStaleTemporariesOnly) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(Workspace::Open(directory.path()).ok());
  Write(directory.Path("scores.h5"), "kept");
  Write(directory.Path("scores.h5.tmp-12345"), "half");
  Write(directory.Path("scores.tmp-old"), "kept: no process number");
  fs::create_directory(directory.Path("adapters.tmp-7"));
  ASSERT_TRUE(Workspace::Open(directory.path()).ok());
  EXPECT_THAT(directory.Entries(), Not(Contains("scores.h5.tmp-12345")));
  EXPECT_THAT(directory.Entries(), Contains("scores.h5"));
  EXPECT_THAT(directory.Entries(), Contains("scores.tmp-old"));
  EXPECT_THAT(directory.Entries(), Contains("adapters.tmp-7"));
}

TEST(WorkspaceTest, NoPermissionIsAnInputOutputError) {
  const TemporaryDirectory directory;
  ASSERT_EQ(chmod(directory.path().c_str(), 0555), 0);
  const int io = ExitCode(Status(StatusCode::kIo, ""));
  for (const std::string& path : {directory.path(), directory.Path("new")}) {
    EXPECT_EQ(RunInChild([&] {
                if (!testing::DropRootRights()) return 1;
                return ExitCode(Workspace::Open(path).status());
              }),
              io);
  }
  EXPECT_THAT(directory.Entries(), IsEmpty());
}

}  // namespace
}  // namespace elm
