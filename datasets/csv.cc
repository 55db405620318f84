#include "datasets/csv.h"

#include <csv.h>

#include <memory>
#include <utility>

#include "formats/base/text_lines.h"

namespace elm {
namespace {

// What libcsv has reported so far.
struct Records {
  std::vector<CsvRecord> done;
  CsvRecord open;
};

void EndField(void* field, size_t size, void* data) {
  static_cast<Records*>(data)->open.fields.emplace_back(static_cast<const char*>(field), size);
}

void EndRecord(int /*terminator*/, void* data) {
  auto* records = static_cast<Records*>(data);
  records->done.push_back(std::move(records->open));
  records->open = {};
}

struct FreeParser {
  void operator()(csv_parser* parser) const { csv_free(parser); }
};

Status Refusal(const csv_parser& parser, const std::string& where) {
  if (csv_error(const_cast<csv_parser*>(&parser)) == CSV_EPARSE) {
    return Corruption(where,
                      ": not CSV: a quote stands inside a field, or is never closed; write "
                      "such fields in quotes, with their own quotes doubled");
  }
  return {StatusCode::kOutOfMemory, StrCat(where, ": not enough memory to read CSV")};
}

}  // namespace

Result<std::vector<CsvRecord>> ParseCsv(std::string_view text, const std::string& name) {
  ELM_ASSIGN_OR_RETURN(const std::vector<TextLine> lines, SplitLines(text, name));
  csv_parser parser;
  if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) return Internal("libcsv did not start");
  const std::unique_ptr<csv_parser, FreeParser> free_at_end(&parser);
  csv_set_space_func(&parser, [](unsigned char) { return 0; });  // blanks belong to their field
  csv_set_term_func(&parser, [](unsigned char c) { return c == '\n' ? 1 : 0; });
  Records records;
  for (const TextLine& line : lines) {
    if (records.open.line == 0) {  // between records
      if (line.text.empty()) continue;
      records.open.line = line.number;
    }
    const std::string ended = StrCat(line.text, "\n");
    if (csv_parse(&parser, ended.data(), ended.size(), EndField, EndRecord, &records) !=
        ended.size()) {
      return Refusal(parser, StrCat(name, ":", line.number));
    }
  }
  if (csv_fini(&parser, EndField, EndRecord, &records) != 0) {
    return Refusal(parser, StrCat(name, ":", records.open.line));
  }
  return std::move(records.done);
}

}  // namespace elm
