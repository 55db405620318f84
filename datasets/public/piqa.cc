#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "datasets/public/readers.h"
#include "datasets/public/row_text.h"
#include "datasets/public/task_collector.h"
#include "formats/base/printable.h"
#include "formats/base/text_lines.h"
#include "formats/json/json_rows.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

// Which of the two solutions is right, per row: 0 or 1.
Result<std::vector<size_t>> ReadLabels(const std::string& path) {
  const Result<std::string> text = ReadSetFile(path);
  if (!text.ok()) {
    return text.status().In("the labels of PIQA are read from a file beside the questions");
  }
  ELM_ASSIGN_OR_RETURN(const std::vector<TextLine> lines, SplitLines(*text, path));
  std::vector<size_t> labels;
  for (const TextLine& line : lines) {
    if (line.text != "0" && line.text != "1") {
      return Corruption(path, ":", line.number, ": is ", Printable(line.text), ", expected 0 or 1");
    }
    labels.push_back(line.text == "1" ? 1 : 0);
  }
  return labels;
}

Result<Task> FromRow(const nlohmann::json& row, size_t right, const std::string& where) {
  const JsonFields fields(row, where);
  Task task;
  ELM_ASSIGN_OR_RETURN(task.question, fields.Text("goal"));
  task.options.resize(2);
  ELM_ASSIGN_OR_RETURN(task.options[0], fields.Text("sol1"));
  ELM_ASSIGN_OR_RETURN(task.options[1], fields.Text("sol2"));
  task.answer = task.options[right];
  return task;
}

}  // namespace

Result<PublicTasks> ReadPiqa(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const std::string text, ReadSetFile(path));
  const std::string stem = std::filesystem::path(path).stem().string();
  const std::string labels_path = FileBeside(path, stem + "-labels.lst");
  ELM_ASSIGN_OR_RETURN(const std::vector<size_t> labels, ReadLabels(labels_path));
  TaskCollector collector("piqa", path);
  size_t rows = 0;
  const auto add = [&](const nlohmann::json& row, const std::string& where) -> Status {
    if (rows == labels.size()) {
      return Corruption(where, ": has no label; ", labels_path, " holds ", labels.size());
    }
    ELM_ASSIGN_OR_RETURN(Task task, FromRow(row, labels[rows++], where));
    return collector.Add(where, std::move(task));
  };
  ELM_RETURN_IF_ERROR(VisitJsonLines(text, path, add));
  if (rows != labels.size()) {
    return Corruption(labels_path, ": holds ", labels.size(), " labels for the ", rows, " rows of ",
                      path);
  }
  return std::move(collector).Finish();
}

}  // namespace elm
