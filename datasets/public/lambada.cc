#include <nlohmann/json.hpp>

#include "datasets/documents.h"
#include "datasets/public/json_lines_set.h"
#include "datasets/public/readers.h"
#include "formats/base/printable.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

// The passage without its last word is the context, in one part: its empty lines must stay.
Result<Task> FromRow(const nlohmann::json& row, const std::string& where) {
  ELM_ASSIGN_OR_RETURN(std::string text, JsonFields(row, where).Text("text"));
  while (!text.empty() && IsAsciiSpace(text.back())) text.pop_back();
  size_t word = text.size();
  while (word > 0 && !IsAsciiSpace(text[word - 1])) --word;
  if (word == 0) {
    return Corruption(where, ": text is ", Printable(text), ", expected at least two words");
  }
  Task task;
  task.context = {text.substr(0, word)};
  task.answer = text.substr(word);
  return task;
}

}  // namespace

Result<PublicTasks> ReadLambada(const std::string& path) {
  return ReadJsonLinesSet("lambada", path, FromRow);
}

}  // namespace elm
