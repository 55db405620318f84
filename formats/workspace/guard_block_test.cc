#include "formats/workspace/guard_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace elm {
namespace {

using ::testing::StartsWith;

std::vector<std::byte> SampleFile() {
  std::vector<std::byte> file(kGuardBlockSize + 777);
  for (size_t i = 0; i < file.size(); ++i) file[i] = static_cast<std::byte>(i * 31 + i / 256);
  SetGuardBlock(file);
  return file;
}

TEST(GuardBlockTest, AcceptsWhatItMade) {
  const std::vector<std::byte> file = SampleFile();
  EXPECT_TRUE(CheckGuardBlock("file", file).ok());
  std::vector<std::byte> again = file;
  SetGuardBlock(again);
  EXPECT_EQ(again, file);
}

TEST(GuardBlockTest, RefusesEveryFlippedBit) {
  std::vector<std::byte> file = SampleFile();
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1 << (bit % 8));
    file[bit / 8] ^= mask;
    const Status status = CheckGuardBlock("file", file);
    ASSERT_FALSE(status.ok()) << "bit " << bit;
    ASSERT_THAT(status.message(), StartsWith("file: "));
    file[bit / 8] ^= mask;
  }
}

TEST(GuardBlockTest, RefusesEveryLength) {
  std::vector<std::byte> file = SampleFile();
  file.push_back(std::byte{0});
  EXPECT_FALSE(CheckGuardBlock("file", file).ok()) << "one byte more";
  file.pop_back();
  const std::span<const std::byte> whole(file);
  for (size_t size = 0; size < file.size(); ++size) {
    ASSERT_EQ(CheckGuardBlock("file", whole.first(size)).code(), StatusCode::kCorruption) << size;
  }
}

}  // namespace
}  // namespace elm
