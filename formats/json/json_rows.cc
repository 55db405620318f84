#include "formats/json/json_rows.h"

#include <cstddef>
#include <iterator>
#include <vector>

#include "formats/base/text_lines.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

using nlohmann::json;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kBlank = " \t";

// Characters of a text; counts the lines it has gone past.
class LineCounter {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  LineCounter(const char* position, size_t* line) : position_(position), line_(line) {}
  reference operator*() const { return *position_; }
  LineCounter& operator++() {
    if (*position_++ == '\n') ++*line_;
    return *this;
  }
  bool operator==(const LineCounter& other) const { return position_ == other.position_; }
  bool operator!=(const LineCounter& other) const { return !(*this == other); }

 private:
  const char* position_;
  size_t* line_;
};

// The line in which each element of a valid array begins, except for elements that are plain
// values: the parser has read past those when it reports them, so they get the line they end in.
std::vector<size_t> ElementLines(std::string_view text) {
  size_t line = 1;
  std::vector<size_t> lines;
  const json::parser_callback_t note = [&](int depth, json::parse_event_t event, json&) {
    const bool begins = event == json::parse_event_t::object_start ||
                        event == json::parse_event_t::array_start ||
                        event == json::parse_event_t::value;
    if (depth == 1 && begins) lines.push_back(line);
    return true;
  };
  const json ignored =
      json::parse(LineCounter(text.data(), &line), LineCounter(text.data() + text.size(), &line),
                  note, /*allow_exceptions=*/false);
  return lines;
}

Status VisitLine(std::string_view line, const std::string& where, const JsonRowVisitor& visit) {
  ELM_ASSIGN_OR_RETURN(const json row, ParseJson(line, where));
  if (row.is_object()) return visit(row, where);
  return Corruption(where, ": is ", PrintableJson(row), ", expected a JSON object in each line");
}

}  // namespace

Status VisitJsonLines(std::string_view text, const std::string& name, const JsonRowVisitor& visit) {
  ELM_ASSIGN_OR_RETURN(const std::vector<TextLine> lines, SplitLines(text, name));
  for (const TextLine& line : lines) {
    if (line.text.find_first_not_of(kBlank) == std::string_view::npos) continue;
    ELM_RETURN_IF_ERROR(VisitLine(line.text, StrCat(name, ":", line.number), visit));
  }
  return Status::Ok();
}

Status VisitJsonArray(std::string_view text, const std::string& name, const JsonRowVisitor& visit) {
  ELM_RETURN_IF_ERROR(SplitLines(text, name).status());  // for its check of UTF-8
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  ELM_ASSIGN_OR_RETURN(const json array, ParseJson(text, name));
  if (!array.is_array()) {
    return Corruption(name, ": is ", PrintableJson(array), ", expected a JSON array of rows");
  }
  const std::vector<size_t> lines = ElementLines(text);
  for (size_t i = 0; i < array.size(); ++i) {
    ELM_RETURN_IF_ERROR(visit(array[i], StrCat(name, ":", lines[i], ": row ", i + 1)));
  }
  return Status::Ok();
}

}  // namespace elm
