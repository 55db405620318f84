#include "toolchain/pipeline/built_in.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "datasets/documents.h"
#include "formats/base/testing/temporary_directory.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(BuiltInTest, TheTextConsistsOfSeparateDocuments) {
  const std::string text = BuiltInText(7, 1);
  EXPECT_THAT(SplitDocuments(text), SizeIs(7));
  EXPECT_EQ(text, BuiltInText(7, 1));
  EXPECT_NE(text, BuiltInText(7, 2));
}

TEST(BuiltInTest, ModelsAreToldFromPaths) {
  EXPECT_TRUE(IsBuiltIn(""));
  EXPECT_TRUE(IsBuiltIn("pocket-4m"));
  EXPECT_FALSE(IsBuiltIn("models/stories"));
  EXPECT_EQ(ResolveCheckpoint("models/stories"), "models/stories");
  // What lies in the current folder goes before a built-in name.
  const testing::TemporaryDirectory directory;
  std::filesystem::create_directory(directory.Path("pocket-4m"));
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  EXPECT_FALSE(IsBuiltIn("pocket-4m"));
  std::filesystem::current_path(before);
}

TEST(BuiltInTest, AModelThatIsNotThereIsNamed) {
  try {
    ResolveCheckpoint("pocket-9t");
    FAIL() << "there is no such model";
  } catch (const Error& error) {
    EXPECT_EQ(error.status().code(), StatusCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("no built-in model pocket-9t"));
  }
}

}  // namespace
}  // namespace elm
