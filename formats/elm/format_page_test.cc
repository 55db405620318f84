// The annotated bytes on the format's page are those of a bundle that the writer makes.

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iomanip>
#include <optional>
#include <sstream>

#include "formats/elm/testing/tiny_bundle.h"

namespace elm {
namespace {

constexpr size_t kRowBytes = 16;
constexpr size_t kOffsetDigits = 8;

// "00000010: 40 01 ..." as on the page, without the annotation.
std::string HexRow(uint64_t offset, std::span<const std::byte> row) {
  std::ostringstream text;
  text << std::hex << std::setfill('0') << std::setw(kOffsetDigits) << offset << ':';
  for (const std::byte byte : row) {
    text << ' ' << std::setw(2) << std::to_integer<unsigned>(byte);
  }
  return std::move(text).str();
}

// The offset that a row of annotated bytes begins with; nothing for any other line.
std::optional<uint64_t> OffsetOf(const std::string& line) {
  uint64_t offset = 0;
  const char* end = line.data() + std::min(kOffsetDigits, line.size());
  const auto parsed = std::from_chars(line.data(), end, offset, 16);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  if (!line.substr(kOffsetDigits).starts_with(": ")) return std::nullopt;
  return offset;
}

TEST(FormatPageTest, AnnotatedBytesAreReal) {
  std::ifstream page(ELM_FORMAT_PAGE);
  ASSERT_TRUE(page.is_open()) << ELM_FORMAT_PAGE;
  const std::vector<std::byte> file = testing::MakeBundleBytes(testing::TinyContents()).value();
  size_t rows = 0;
  for (std::string line; std::getline(page, line);) {
    const std::optional<uint64_t> offset = OffsetOf(line);
    if (!offset) continue;
    ++rows;
    ASSERT_LE(*offset + kRowBytes, file.size()) << line;
    const std::string real = HexRow(*offset, std::span(file).subspan(*offset, kRowBytes));
    EXPECT_EQ(line.substr(0, real.size()), real);
  }
  EXPECT_GE(rows, 30U) << "the page has lost its annotated bytes";
}

}  // namespace
}  // namespace elm
