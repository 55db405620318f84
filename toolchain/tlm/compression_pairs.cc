#include "toolchain/tlm/compression_pairs.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "datasets/task.h"
#include "formats/base/mapped_file.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

constexpr uint64_t kMostPairBytes = uint64_t{1} << 32;

// A word in lower case without punctuation at its ends; the word itself when nothing else is left.
std::string Bare(std::string_view word) {
  const auto is_mark = [](char c) { return std::ispunct(static_cast<unsigned char>(c)) != 0; };
  size_t begin = 0;
  size_t end = word.size();
  while (begin < end && is_mark(word[begin])) ++begin;
  while (end > begin && is_mark(word[end - 1])) --end;
  std::string bare(begin == end ? word : word.substr(begin, end - begin));
  for (char& c : bare) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return bare;
}

std::vector<std::string> BareWords(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : SplitWords(text)) words.push_back(Bare(word));
  return words;
}

// The texts of a field that is one or a list of them.
Result<std::vector<std::string>> TextsOf(const nlohmann::json& row, const std::string& where,
                                         std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (!row.contains(name)) continue;
    const nlohmann::json& value = row[name];
    if (value.is_string()) return std::vector<std::string>{value.get<std::string>()};
    if (value.is_array() && std::all_of(value.begin(), value.end(),
                                        [](const auto& each) { return each.is_string(); })) {
      return value.get<std::vector<std::string>>();
    }
    return Corruption(where, name, " is ", PrintableJson(value),
                      ", expected a text or a list of texts");
  }
  return Corruption(where, *names.begin(), " is missing");
}

Status AddRow(const nlohmann::json& row, const std::string& where,
              std::vector<CompressionPair>& pairs) {
  if (!row.is_object()) return Corruption(where, "is ", PrintableJson(row), ", expected an object");
  ELM_ASSIGN_OR_RETURN(const auto texts, TextsOf(row, where, {"origin", "text", "prompt"}));
  ELM_ASSIGN_OR_RETURN(const auto compressed,
                       TextsOf(row, where, {"compressed", "compressed_prompt"}));
  if (texts.size() != compressed.size()) {
    return Corruption(where, "has ", texts.size(), " texts and ", compressed.size(),
                      " compressions of them");
  }
  std::string question;
  if (row.contains("question")) {
    ELM_ASSIGN_OR_RETURN(question, JsonFields(row, where).Text("question"));
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    CompressionPair pair{question, texts[i], AlignCompression(texts[i], compressed[i])};
    if (!pair.keep.empty()) pairs.push_back(std::move(pair));
  }
  return Status::Ok();
}

}  // namespace

std::vector<float> AlignCompression(std::string_view text, std::string_view compressed,
                                    uint32_t window) {
  const std::vector<std::string> words = BareWords(text);
  std::vector<float> keep(words.size(), 0);
  size_t next = 0;
  for (const std::string& word : BareWords(compressed)) {
    const size_t end = std::min(words.size(), next + window);
    for (size_t i = next; i < end; ++i) {
      if (words[i] != word) continue;
      keep[i] = 1;
      next = i + 1;
      break;
    }
  }
  return keep;
}

Result<std::vector<CompressionPair>> ReadCompressionPairs(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostPairBytes));
  std::vector<CompressionPair> pairs;
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '[') {
    ELM_ASSIGN_OR_RETURN(const nlohmann::json rows, ParseJson(text, path));
    for (size_t i = 0; i < rows.size(); ++i) {
      ELM_RETURN_IF_ERROR(AddRow(rows[i], StrCat(path, ": row ", i + 1, ": "), pairs));
    }
  } else {
    size_t number = 0;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const std::string line = text.substr(begin, end - begin);
      begin = end + 1;
      ++number;
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      const std::string where = StrCat(path, ":", number);
      ELM_ASSIGN_OR_RETURN(const nlohmann::json row, ParseJson(line, where));
      ELM_RETURN_IF_ERROR(AddRow(row, where + ": ", pairs));
    }
  }
  if (pairs.empty()) return Corruption(path, ": holds no compression pairs");
  return pairs;
}

}  // namespace elm
