#include "toolchain/report/render_markdown.h"

#include "formats/base/status.h"

namespace elm {
namespace {

// A name from a file cannot end a cell or a line.
std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return escaped;
}

std::string CellText(const ReportCell& cell) {
  if (cell.detail.empty()) return Escaped(cell.value);
  return StrCat(Escaped(cell.value), cell.value.empty() ? "(" : " (", Escaped(cell.detail), ")");
}

std::string TableText(const ReportTable& table) {
  std::string text = "\n" + table.caption + ":\n\n|";
  for (const std::string& cell : table.heading) text += StrCat(" ", Escaped(cell), " |");
  text += "\n|---|";
  for (size_t i = 1; i < table.heading.size(); ++i) text += "--:|";
  text += "\n";
  for (const ReportRow& row : table.rows) {
    text += "|";
    for (const ReportCell& cell : row.cells) {
      const std::string value = CellText(cell);
      const char* mark = row.strong && !value.empty() ? "**" : "";
      text += StrCat(" ", mark, value, mark, " |");
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string RenderMarkdown(std::span<const ReportSection> sections) {
  std::string text;
  for (const ReportSection& section : sections) {
    if (section.tables.empty() && section.notes.empty()) continue;
    text += (text.empty() ? "## " : "\n## ") + Escaped(section.title) + "\n";
    if (!section.text.empty()) text += "\n" + section.text + "\n";
    for (const ReportTable& table : section.tables) text += TableText(table);
    if (!section.notes.empty()) text += "\n";
    for (const std::string& note : section.notes) text += "- " + note + "\n";
  }
  return text;
}

}  // namespace elm
