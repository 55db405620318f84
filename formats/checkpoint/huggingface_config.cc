#include "formats/checkpoint/huggingface_config.h"

#include <string_view>

#include "formats/base/printable.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

using nlohmann::json;

constexpr const char* kLlama = "LlamaForCausalLM";
constexpr const char* kMistral = "MistralForCausalLM";
constexpr uint32_t kMistralKvHeads = 8;

Result<std::string> ParseArchitecture(const JsonFields& fields) {
  const json* list = fields.Find("architectures");
  if (list == nullptr) return Corruption(fields.name(), ": architectures is missing");
  if (list->is_array() && list->size() == 1 && list->front().is_string()) {
    auto architecture = list->front().get<std::string>();
    if (architecture == kLlama || architecture == kMistral) return architecture;
  }
  return Unsupported(fields.name(), ": architectures is ", PrintableJson(*list),
                     ", expected one of ", kLlama, " and ", kMistral);
}

// The scaling that a "rope_scaling" or "rope_parameters" object asks for must be none.
Status RefuseScaledRotary(const JsonFields& fields, const char* key) {
  const json* value = fields.Find(key);
  if (value == nullptr) return Status::Ok();
  if (!value->is_object()) {
    return Corruption(fields.name(), ": ", key, " is ", PrintableJson(*value),
                      ", expected an object");
  }
  const std::string where = StrCat(fields.name(), ": ", key);
  const JsonFields scaling(*value, where);
  ELM_ASSIGN_OR_RETURN(const std::string old_type, scaling.Text("type", "default"));
  ELM_ASSIGN_OR_RETURN(const std::string type, scaling.Text("rope_type", old_type));
  ELM_ASSIGN_OR_RETURN(const double rotary_share, scaling.Number("partial_rotary_factor", 1.0));
  if (rotary_share != 1.0) {
    return Unsupported(where, ": partial_rotary_factor is ", rotary_share, ", expected 1");
  }
  if (type == "default") return Status::Ok();
  return Unsupported(where, " asks for rotary positions scaled by ", Printable(type),
                     ", which are not supported; expected none");
}

// rope_theta stands beside the other fields or, in files of newer versions, in rope_parameters.
Result<double> ParseRopeTheta(const JsonFields& fields) {
  constexpr double kDefault = 10000.0;
  const json* parameters = fields.Find("rope_parameters");
  if (parameters == nullptr) return fields.Number("rope_theta", kDefault);
  const std::string where = StrCat(fields.name(), ": rope_parameters");
  const JsonFields nested_fields(*parameters, where);
  ELM_ASSIGN_OR_RETURN(const double outer, fields.Number("rope_theta", kDefault));
  ELM_ASSIGN_OR_RETURN(const double nested, nested_fields.Number("rope_theta", outer));
  if (fields.Find("rope_theta") != nullptr && outer != nested) {
    return Corruption(fields.name(), ": rope_theta is ", outer, ", but rope_parameters says ",
                      nested);
  }
  return nested;
}

Status RefuseFlag(const JsonFields& fields, const char* key) {
  ELM_ASSIGN_OR_RETURN(const bool set, fields.Flag(key, false));
  if (!set) return Status::Ok();
  return Unsupported(fields.name(), ": ", key, " is true, but biases are not supported");
}

Status RefuseSlidingWindow(const JsonFields& fields) {
  if (const json* window = fields.Find("sliding_window")) {
    return Unsupported(fields.name(), ": sliding_window is ", PrintableJson(*window),
                       ", but attention over a sliding window is not supported; expected null");
  }
  const json* types = fields.Find("layer_types");
  if (types == nullptr) return Status::Ok();
  for (const json& type : *types) {
    if (type == "full_attention") continue;
    return Unsupported(fields.name(), ": layer_types holds ", PrintableJson(type),
                       ", expected full_attention only");
  }
  return Status::Ok();
}

Status RefuseOtherActivation(const JsonFields& fields) {
  ELM_ASSIGN_OR_RETURN(const std::string activation, fields.Text("hidden_act", "silu"));
  if (activation == "silu" || activation == "swish") return Status::Ok();
  return Unsupported(fields.name(), ": hidden_act is ", Printable(activation), ", expected silu");
}

Status RefuseOtherForwardPasses(const JsonFields& fields) {
  ELM_RETURN_IF_ERROR(RefuseScaledRotary(fields, "rope_scaling"));
  ELM_RETURN_IF_ERROR(RefuseScaledRotary(fields, "rope_parameters"));
  ELM_ASSIGN_OR_RETURN(const double rotary_share, fields.Number("partial_rotary_factor", 1.0));
  if (rotary_share != 1.0) {
    return Unsupported(fields.name(), ": partial_rotary_factor is ", rotary_share, ", expected 1");
  }
  ELM_RETURN_IF_ERROR(RefuseFlag(fields, "attention_bias"));
  ELM_RETURN_IF_ERROR(RefuseFlag(fields, "mlp_bias"));
  ELM_RETURN_IF_ERROR(RefuseSlidingWindow(fields));
  ELM_RETURN_IF_ERROR(RefuseOtherActivation(fields));
  if (fields.Find("quantization_config") != nullptr) {
    return Unsupported(fields.name(),
                       ": quantization_config is set, but quantised weights are not "
                       "supported; give the unquantised checkpoint");
  }
  return Status::Ok();
}

Result<uint32_t> ParseHeadDim(const JsonFields& fields, const ModelConfig& config) {
  ELM_ASSIGN_OR_RETURN(const std::optional<uint32_t> stated, fields.OptionalCount("head_dim"));
  if (stated) return *stated;
  if (config.query_heads == 0 || config.width % config.query_heads != 0) {
    return Corruption(fields.name(), ": hidden_size is ", config.width,
                      ", not a multiple of num_attention_heads ", config.query_heads,
                      ", and head_dim is missing");
  }
  return config.width / config.query_heads;
}

}  // namespace

Result<ModelConfig> ParseHuggingFaceConfig(const json& json_config, const std::string& name) {
  if (!json_config.is_object()) return Corruption(name, ": no JSON object");
  const JsonFields fields(json_config, name);
  ELM_ASSIGN_OR_RETURN(const std::string architecture, ParseArchitecture(fields));
  ELM_RETURN_IF_ERROR(RefuseOtherForwardPasses(fields));
  ModelConfig config;
  ELM_ASSIGN_OR_RETURN(config.layers, fields.Count("num_hidden_layers"));
  ELM_ASSIGN_OR_RETURN(config.width, fields.Count("hidden_size"));
  ELM_ASSIGN_OR_RETURN(config.neurons, fields.Count("intermediate_size"));
  ELM_ASSIGN_OR_RETURN(config.vocab, fields.Count("vocab_size"));
  ELM_ASSIGN_OR_RETURN(config.context, fields.Count("max_position_embeddings"));
  ELM_ASSIGN_OR_RETURN(config.query_heads, fields.Count("num_attention_heads"));
  const uint32_t kv_heads = architecture == kMistral ? kMistralKvHeads : config.query_heads;
  ELM_ASSIGN_OR_RETURN(config.kv_heads, fields.Count("num_key_value_heads", kv_heads));
  ELM_ASSIGN_OR_RETURN(config.head_dim, ParseHeadDim(fields, config));
  ELM_ASSIGN_OR_RETURN(const double rope_theta, ParseRopeTheta(fields));
  config.rope_theta = static_cast<float>(rope_theta);
  ELM_ASSIGN_OR_RETURN(const double rms_epsilon, fields.Number("rms_norm_eps", 1e-6));
  config.rms_epsilon = static_cast<float>(rms_epsilon);
  ELM_ASSIGN_OR_RETURN(config.tied_head, fields.Flag("tie_word_embeddings", false));
  ELM_RETURN_IF_ERROR(Validate(config).In(name));
  return config;
}

}  // namespace elm
