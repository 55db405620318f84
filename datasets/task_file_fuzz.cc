// Bytes as a task file, and the same bytes as CSV and as the docstrings of functions.
#include "datasets/csv.h"
#include "datasets/public/octopus_functions.h"
#include "datasets/sentences.h"
#include "datasets/task_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto tasks = elm::ParseTasks(text, "input");
  if (tasks.ok()) {
    // What was read can be written, and read again as the same.
    for (const elm::Task& task : *tasks) {
      const auto line = elm::TaskLine(task);
      if (!line.ok()) __builtin_trap();
      const auto again = elm::ParseTasks(*line, "line");
      if (!again.ok() || again->front() != task) __builtin_trap();
    }
  }
  const auto records = elm::ParseCsv(text, "input");
  if (records.ok()) {
    for (const elm::CsvRecord& record : *records) {
      if (record.line == 0 || record.fields.empty()) __builtin_trap();
    }
  }
  for (const std::string_view sentence : elm::SplitSentences(text)) {
    if (sentence.empty()) __builtin_trap();
  }
  elm::ParseFunctionDescriptions(text);
  return 0;
}
