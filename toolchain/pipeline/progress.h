// How far a piece of work has come: a bar with the time left on a terminal, a line every few
// seconds elsewhere, so that a log file stays readable.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "toolchain/base/quantities.h"

namespace elm {

class Progress {
 public:
  enum class Style { kBar, kLines, kNone };
  // kBar when standard error is a terminal, else kLines.
  static Style DetectStyle();

  Progress(std::string label, Style style);
  // Removes an unfinished bar, so that an error message starts on a clean line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` of `total` pieces. Prints at most ten times a second (bar) or every five seconds
  // (lines). `note` is a word about the work, printed behind the time left.
  void Update(uint64_t done, uint64_t total, const std::string& note = "");

 private:
  using Clock = std::chrono::steady_clock;
  void Print(uint64_t done, uint64_t total, double elapsed_seconds, const std::string& note);

  std::string label_;
  Style style_;
  Clock::time_point start_;
  Clock::time_point last_print_;
  uint64_t first_done_ = 0;  // work that a resumed run found finished; it says nothing about speed
  bool started_ = false;
  bool bar_visible_ = false;
};

}  // namespace elm
