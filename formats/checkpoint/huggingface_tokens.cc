#include "formats/checkpoint/huggingface_tokens.h"

#include <filesystem>
#include <system_error>

#include "formats/base/mapped_file.h"
#include "formats/base/utf8.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

using nlohmann::json;

// A tokenizer_config.json that spells out added tokens has a few MB at most.
constexpr uint64_t kMaxFile = 64U << 20;
constexpr size_t kMaxEndTokens = 64;

// Contents of a file of the directory, noted in `files`; nothing when it is not there.
Result<std::optional<std::string>> ReadOptional(const std::string& path,
                                                std::vector<std::string>& files) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::optional<std::string>();
  ELM_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kMaxFile));
  files.push_back(path);
  return std::optional<std::string>(std::move(text));
}

// An optional JSON file; an empty object when it is not there.
Result<json> ReadOptionalJson(const std::string& path, std::vector<std::string>& files) {
  ELM_ASSIGN_OR_RETURN(const std::optional<std::string> text, ReadOptional(path, files));
  if (!text) return json::object();
  ELM_ASSIGN_OR_RETURN(json value, ParseJson(*text, path));
  if (!value.is_object()) return Corruption(path, ": no JSON object");
  return value;
}

// The ids under `key`: a number or a list of numbers. Empty when absent.
Result<std::vector<uint32_t>> ParseIds(const json& object, const std::string& name, const char* key,
                                       uint32_t vocab) {
  std::vector<uint32_t> ids;
  const JsonFields fields(object, name);
  const json* value = fields.Find(key);
  if (value == nullptr) return ids;
  const json list = value->is_array() ? *value : json::array({*value});
  for (const json& item : list) {
    if (!item.is_number_unsigned() || item.get<uint64_t>() >= vocab ||
        list.size() > kMaxEndTokens) {
      return Corruption(name, ": ", key, " is ", PrintableJson(*value),
                        ", expected token ids below vocab_size ", vocab);
    }
    ids.push_back(item.get<uint32_t>());
  }
  return ids;
}

Result<std::string> ParseChatTemplate(const json& object, const std::string& name) {
  const JsonFields fields(object, name);
  const json* value = fields.Find("chat_template");
  if (value == nullptr || !value->is_array()) return fields.Text("chat_template", "");
  for (const json& entry : *value) {
    if (!entry.is_object()) continue;
    const JsonFields named(entry, name);
    ELM_ASSIGN_OR_RETURN(const std::string entry_name, named.Text("name", ""));
    if (entry_name == "default") return named.Text("template", "");
  }
  return std::string();
}

}  // namespace

Result<HuggingFaceTokens> ReadHuggingFaceTokens(const std::string& directory, const json& config,
                                                uint32_t vocab) {
  HuggingFaceTokens result;
  const std::string config_name = directory + "/config.json";
  const std::string generation_name = directory + "/generation_config.json";
  ELM_ASSIGN_OR_RETURN(const json generation, ReadOptionalJson(generation_name, result.files));
  const auto ids_of = [&](const char* key) -> Result<std::vector<uint32_t>> {
    ELM_ASSIGN_OR_RETURN(std::vector<uint32_t> ids,
                         ParseIds(generation, generation_name, key, vocab));
    if (!ids.empty()) return ids;
    return ParseIds(config, config_name, key, vocab);
  };
  ELM_ASSIGN_OR_RETURN(const std::vector<uint32_t> bos, ids_of("bos_token_id"));
  if (!bos.empty()) result.tokens.bos = bos.front();
  ELM_ASSIGN_OR_RETURN(result.tokens.eos, ids_of("eos_token_id"));

  const std::string template_name = directory + "/chat_template.jinja";
  ELM_ASSIGN_OR_RETURN(const std::optional<std::string> jinja,
                       ReadOptional(template_name, result.files));
  if (jinja) {
    if (FindInvalidUtf8(*jinja)) return Corruption(template_name, ": not UTF-8");
    result.tokens.chat_template = *jinja;
    return result;
  }
  const std::string tokenizer_name = directory + "/tokenizer_config.json";
  ELM_ASSIGN_OR_RETURN(const json tokenizer, ReadOptionalJson(tokenizer_name, result.files));
  ELM_ASSIGN_OR_RETURN(result.tokens.chat_template, ParseChatTemplate(tokenizer, tokenizer_name));
  return result;
}

}  // namespace elm
