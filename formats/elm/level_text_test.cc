#include "formats/elm/level_text.h"

#include <gtest/gtest.h>

#include "formats/elm/testing/tiny_bundle.h"

namespace elm {
namespace {

using testing::MakeBundleBytes;
using testing::TinyContents;

std::string TextOf(const BundleContents& contents) {
  const auto bytes = MakeBundleBytes(contents).value();
  return LevelTableText(ParseBundle(bytes, "tiny.elm").value());
}

TEST(LevelTextTest, ShowsEveryLevelAndTheAnchors) {
  EXPECT_EQ(TextOf(TinyContents()),
            "level  true share   weights  query heads  KV heads  neurons\n"
            "  0.7      70.2 %  0.02 MiB            1         1        3\n"
            "  1.0     100.0 %  0.02 MiB            4         2        6\n"
            "anchor layers, whole at every level: 0\n");
}

TEST(LevelTextTest, ShowsRangesWhereLayersDiffer) {
  BundleContents contents = TinyContents();
  contents.levels.anchors.clear();
  const std::string text = TextOf(contents);
  EXPECT_NE(text.find("1-4       1-2      3-6\n"), std::string::npos) << text;
  EXPECT_NE(text.find("no anchor layers\n"), std::string::npos) << text;
}

TEST(LevelTextTest, AModelOfAnchorsOnlyHasNoRange) {
  BundleContents contents = TinyContents();
  contents.levels = FullLevelOnly(contents.config);
  contents.levels.anchors = {0, 1};
  EXPECT_NE(TextOf(contents).find("-         -        -\n"), std::string::npos);
}

}  // namespace
}  // namespace elm
