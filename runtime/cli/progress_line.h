// How far a long command is: one line on a terminal, rewritten in place.
#pragma once

#include <string>

namespace elm {

// Silent where standard error is no terminal. Erases its line when it goes.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Show(const std::string& text);

 private:
  bool terminal_;
};

}  // namespace elm
