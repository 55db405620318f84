#include "toolchain/pipeline/progress.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace elm {
namespace {

constexpr int kBarCells = 28;

}  // namespace

Progress::Style Progress::DetectStyle() {
  return isatty(STDERR_FILENO) != 0 ? Style::kBar : Style::kLines;
}

Progress::Progress(std::string label, Style style)
    : label_(std::move(label)), style_(style), start_(Clock::now()), last_print_(start_) {}

Progress::~Progress() {
  if (bar_visible_) std::fputs("\r\033[K", stderr);
}

void Progress::Update(uint64_t done, uint64_t total, const std::string& note) {
  if (style_ == Style::kNone || total == 0) return;
  done = std::min(done, total);  // a last batch may go beyond what was asked for
  if (!started_) {
    started_ = true;
    first_done_ = done;
  }
  const auto now = Clock::now();
  const auto interval =
      style_ == Style::kBar ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5000);
  if (now - last_print_ < interval) return;
  last_print_ = now;
  Print(done, total, std::chrono::duration<double>(now - start_).count(), note);
}

void Progress::Print(uint64_t done, uint64_t total, double elapsed_seconds,
                     const std::string& note) {
  const double share = static_cast<double>(done) / static_cast<double>(total);
  std::string left = "?";
  if (done > first_done_) {
    const double rate = static_cast<double>(done - first_done_) / elapsed_seconds;
    left = FormatSeconds(static_cast<double>(total - done) / rate);
  }
  const std::string behind = note.empty() ? "" : ", " + note;
  if (style_ == Style::kLines) {
    std::fprintf(stderr, "%s: %3.0f %%, %s left%s\n", label_.c_str(), share * 100, left.c_str(),
                 behind.c_str());
    return;
  }
  const int filled = static_cast<int>(share * kBarCells);
  std::string bar;
  for (int cell = 0; cell < kBarCells; ++cell) bar += cell < filled ? "█" : "░";
  std::fprintf(stderr, "\r\033[K%-10s %s %3.0f %%  %s left%s", label_.c_str(), bar.c_str(),
               share * 100, left.c_str(), behind.c_str());
  std::fflush(stderr);
  bar_visible_ = true;
}

}  // namespace elm
