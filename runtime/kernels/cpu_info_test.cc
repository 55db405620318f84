#include "runtime/kernels/cpu_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

CpuInfo InfoFrom(const std::string& text) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.Path("cpuinfo");
  std::ofstream(path) << text;
  return ReadCpuInfo(path);
}

TEST(CpuInfoTest, X86) {
  const CpuInfo info = InfoFrom(
      "processor\t: 0\n"
      "model name\t: Some CPU @ 3.00GHz\n"
      "flags\t\t: fpu sse4_2 avx avx2 smap avx512f avx512_vnni\n"
      "\n"
      "processor\t: 1\n"
      "model name\t: Another\n");
  EXPECT_EQ(info.name, "Some CPU @ 3.00GHz");
  EXPECT_THAT(info.instruction_sets,
              ElementsAre("sse4_2", "avx", "avx2", "avx512f", "avx512_vnni"));
}

TEST(CpuInfoTest, Arm) {
  const CpuInfo info = InfoFrom(
      "processor\t: 0\n"
      "Features\t: fp asimd crc32 asimddp i8mm\n"
      "CPU implementer\t: 0x41\n"
      "CPU part\t: 0xd0b\n");
  EXPECT_EQ(info.name, "implementer 0x41, part 0xd0b");
  EXPECT_THAT(info.instruction_sets, ElementsAre("asimd", "asimddp", "i8mm"));
}

TEST(CpuInfoTest, NothingIsKnown) {
  for (const char* text : {"", "no fields\n", ":\n", "model name :\n"}) {
    const CpuInfo info = InfoFrom(text);
    EXPECT_EQ(info.name, "unknown processor") << text;
    EXPECT_THAT(info.instruction_sets, IsEmpty());
  }
  EXPECT_EQ(ReadCpuInfo("/does/not/exist").name, "unknown processor");
}

}  // namespace
}  // namespace elm
