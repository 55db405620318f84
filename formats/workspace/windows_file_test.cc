#include "formats/workspace/windows_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;

const StoredWindows kWindows{3, {1, 5, 6, 1, 7, 9}, "stories.txt"};

TEST(WindowsFileTest, RoundTrip) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(SaveWindows(directory.Path("windows.h5"), kWindows).ok());
  const Result<StoredWindows> loaded = LoadWindows(directory.Path("windows.h5"), 10);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_EQ(*loaded, kWindows);
}

TEST(WindowsFileTest, RefusesIdsOfAnotherVocabulary) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(SaveWindows(directory.Path("windows.h5"), kWindows).ok());
  EXPECT_THAT(LoadWindows(directory.Path("windows.h5"), 9).status().message(),
              HasSubstr("ids[5] is 9, the model's vocabulary has 9"));
}

TEST(WindowsFileTest, RefusesBrokenAndNoWindows) {
  const TemporaryDirectory directory;
  const std::string path = directory.Path("windows.h5");
  EXPECT_FALSE(SaveWindows(path, {3, {1, 2}, ""}).ok());
  EXPECT_FALSE(SaveWindows(path, {0, {1, 2}, ""}).ok());
  EXPECT_FALSE(SaveWindows(path, {3, {}, ""}).ok());
  EXPECT_TRUE(directory.Entries().empty());
}

}  // namespace
}  // namespace elm
