#include "runtime/kernels/kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace elm {
namespace {

using ::testing::HasSubstr;

TEST(KernelsTest, TheLastTableRunsEverywhere) {
  ASSERT_FALSE(AllKernels().empty());
  EXPECT_STREQ(AllKernels().back()->name, "scalar");
  EXPECT_TRUE(IsSupported(*AllKernels().back()));
}

TEST(KernelsTest, AreFoundByName) {
  for (const KernelTable* kernels : AllKernels()) {
    const auto found = FindKernels(kernels->name);
    if (IsSupported(*kernels)) {
      ASSERT_TRUE(found.ok()) << found.status().ToString();
      EXPECT_EQ(*found, kernels);
    } else {
      EXPECT_EQ(found.status().code(), StatusCode::kUnsupported);
      EXPECT_THAT(found.status().message(), HasSubstr(kernels->name));
    }
  }
}

TEST(KernelsTest, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  const auto found = FindKernels("mmx");
  EXPECT_EQ(found.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(found.status().message(), HasSubstr("scalar"));
}

}  // namespace
}  // namespace elm
