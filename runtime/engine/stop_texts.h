// Ends a text that arrives piece by piece in front of the first of some texts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace elm {

// The end does not depend on how the text was cut into pieces: it is where one of the stop texts is
// complete first (the longest of those that end there), and what stands before that one is the
// answer. Text that may be the beginning of a stop text is held back until it is clear. With valid
// UTF-8 in, whole characters come out.
class StopTexts {
 public:
  // `texts` are valid UTF-8, none empty; there may be none.
  explicit StopTexts(std::vector<std::string> texts);

  // What may go out after `text`; valid until the next call. Not to be called after the stop.
  std::string_view Push(std::string_view text);
  // What was still held back when the text ended otherwise; valid as above, empty after the stop.
  std::string_view Finish();

  bool stopped() const { return stopped_; }

 private:
  std::string_view Release(size_t bytes);

  std::vector<std::string> texts_;
  std::string held_;
  std::string released_;
  bool stopped_ = false;
};

}  // namespace elm
