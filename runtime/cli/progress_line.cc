#include "runtime/cli/progress_line.h"

#include <unistd.h>

#include <cstdio>

namespace elm {
namespace {

constexpr char kEraseLine[] = "\r\x1b[K";

}  // namespace

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() {
  if (terminal_) std::fputs(kEraseLine, stderr);
}

void ProgressLine::Show(const std::string& text) {
  if (terminal_) std::fprintf(stderr, "%s%s", kEraseLine, text.c_str());
}

}  // namespace elm
