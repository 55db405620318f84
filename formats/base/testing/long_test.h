// Tests that take minutes: they run where asked for (`make test-long`), not with every build.
#pragma once

#include <cstdlib>
#include <string_view>

namespace elm {

//   if (!LongTestsWanted()) GTEST_SKIP() << kLongTest;
inline bool LongTestsWanted() {
  const char* wanted = std::getenv("ELM_LONG_TESTS");
  return wanted != nullptr && std::string_view(wanted) == "1";
}

inline constexpr const char* kLongTest = "takes minutes: make test-long, or ELM_LONG_TESTS=1";

}  // namespace elm
