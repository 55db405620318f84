#include "datasets/instructions.h"

#include "formats/base/mapped_file.h"
#include "formats/json/json_rows.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

constexpr uint64_t kMostBytes = uint64_t{1} << 31;

// Taori et al. 2023, "Stanford Alpaca".
std::string Prompt(const std::string& instruction, const std::string& input) {
  if (input.empty()) {
    return StrCat(
        "Below is an instruction that describes a task. Write a response that appropriately "
        "completes the request.\n\n### Instruction:\n",
        instruction, "\n\n### Response:\n");
  }
  return StrCat(
      "Below is an instruction that describes a task, paired with an input that provides further "
      "context. Write a response that appropriately completes the request.\n\n### Instruction:\n",
      instruction, "\n\n### Input:\n", input, "\n\n### Response:\n");
}

}  // namespace

Result<std::vector<Instruction>> ParseInstructions(std::string_view text, const std::string& name) {
  std::vector<Instruction> instructions;
  const JsonRowVisitor add = [&](const nlohmann::json& row, const std::string& where) -> Status {
    if (!row.is_object()) return Corruption(where, ": expected an object");
    const JsonFields fields(row, where);
    ELM_ASSIGN_OR_RETURN(const std::string instruction, fields.Text("instruction"));
    ELM_ASSIGN_OR_RETURN(const std::string input, fields.Text("input", ""));
    ELM_ASSIGN_OR_RETURN(const std::string output, fields.Text("output"));
    instructions.push_back({Prompt(instruction, input), output});
    return Status::Ok();
  };
  const size_t first = text.find_first_not_of(" \t\r\n");
  const bool array = first != std::string_view::npos && text[first] == '[';
  ELM_RETURN_IF_ERROR(array ? VisitJsonArray(text, name, add) : VisitJsonLines(text, name, add));
  if (instructions.empty()) return Corruption(name, ": holds no instruction");
  return instructions;
}

Result<std::vector<Instruction>> ReadInstructions(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostBytes));
  return ParseInstructions(text, path);
}

}  // namespace elm
