#include "formats/base/proc_bytes.h"

#include <gtest/gtest.h>

#include <fstream>

#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

TEST(ProcBytesTest, ReadsTheFieldThatIsNamed) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.Path("memory");
  std::ofstream(path) << "Name:\tone two 3\nMemTotal:    2000 kB\nMem:  7 kB\nOdd: many kB\n";
  EXPECT_EQ(ProcBytes(path.c_str(), "MemTotal"), 2000U * 1024);
  EXPECT_EQ(ProcBytes(path.c_str(), "Mem"), 7U * 1024);
  EXPECT_FALSE(ProcBytes(path.c_str(), "MemFree").has_value());
  EXPECT_FALSE(ProcBytes(path.c_str(), "Odd").has_value());
  EXPECT_FALSE(ProcBytes(directory.Path("none").c_str(), "Mem").has_value());
}

}  // namespace
}  // namespace elm
