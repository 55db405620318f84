#include "runtime/orchestrator/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/engine/testing/tiny_model.h"
#include "runtime/orchestrator/testing/fakes.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

TEST(IdentityTest, TheHashIsThatOfWhatRuns) {
  BundleContents contents = testing::SmallContents();
  const auto hash = [&] {
    const auto model = testing::LoadSmallModel(contents);
    EXPECT_TRUE(model.ok());
    return LatencyHash((*model)->bundle().view());
  };
  const uint64_t first = hash();
  EXPECT_EQ(hash(), first);
  contents.provenance_json = "{\"from\": \"elsewhere\"}";
  EXPECT_EQ(hash(), first);
  contents.generation.stop_ids = {2, 5};
  EXPECT_NE(hash(), first);
}

TEST(IdentityTest, DeviceNamesHowItComputes) {
  const auto kernels = ChooseKernels();
  ASSERT_TRUE(kernels.ok());
  const std::string one = DeviceName(**kernels, 1, KvType::kF16);
  EXPECT_THAT(one, HasSubstr(", 1 thread, KV f16"));
  EXPECT_NE(one, DeviceName(**kernels, 2, KvType::kF16));
  EXPECT_NE(one, DeviceName(**kernels, 1, KvType::kQ8));
  LatencyTable table = testing::LinearTable();
  table.name = one;
  EXPECT_TRUE(Validate(table).ok());
}

TEST(IdentityTest, TablesOfOtherBundlesAndDevicesAreRefused) {
  const auto model = testing::LoadSmallModel(testing::SmallContents());
  ASSERT_TRUE(model.ok());
  const BundleView& view = (*model)->bundle().view();
  LatencyTable table = testing::LinearTable();
  const auto check = [&] { return CheckTableFits(table, view, "this device", "t.json"); };
  EXPECT_TRUE(check().ok());  // a reference
  table.name = "this device";
  table.bundle_hash = 1;
  EXPECT_EQ(check().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(check().message(), HasSubstr("t.json: measured with another bundle (hash 0x1,"));
  table.bundle_hash = LatencyHash(view);
  EXPECT_TRUE(check().ok());
  table.name = "another device";
  EXPECT_THAT(check().message(),
              HasSubstr("t.json: measured on \"another device\", this is \"this device\""));
}

}  // namespace
}  // namespace elm
