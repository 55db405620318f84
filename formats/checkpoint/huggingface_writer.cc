#include "formats/checkpoint/huggingface_writer.h"

#include <nlohmann/json.hpp>

#include "formats/base/atomic_file.h"
#include "formats/base/dtype.h"
#include "formats/checkpoint/safetensors_writer.h"
#include "formats/model/tensor_list.h"

namespace elm {
namespace {

using nlohmann::json;

// The shortest decimal number that reads back as the same float: not 9.999999747378752e-06.
double Shortest(float value) { return std::stod(StrCat(value)); }

json ConfigJson(const HuggingFaceModel& model) {
  const ModelConfig& config = model.config;
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"hidden_act", "silu"},
          {"hidden_size", config.width},
          {"intermediate_size", config.neurons},
          {"num_hidden_layers", config.layers},
          {"num_attention_heads", config.query_heads},
          {"num_key_value_heads", config.kv_heads},
          {"head_dim", config.head_dim},
          {"vocab_size", config.vocab},
          {"max_position_embeddings", config.context},
          {"rope_theta", Shortest(config.rope_theta)},
          {"rms_norm_eps", Shortest(config.rms_epsilon)},
          {"tie_word_embeddings", config.tied_head},
          {"attention_bias", false},
          {"mlp_bias", false},
          {"torch_dtype", "float16"},
          {"bos_token_id", model.bos},
          {"eos_token_id", model.eos}};
}

Status WriteWeights(const std::string& path, const HuggingFaceModel& model) {
  const std::vector<TensorSpec> specs = ListTensors(model.config);
  if (specs.size() != model.tensors.size()) {
    return Internal(path, ": ", model.tensors.size(), " tensors given, expected ", specs.size());
  }
  std::vector<std::vector<std::byte>> halves;
  std::vector<TensorToWrite> tensors;
  for (size_t i = 0; i < specs.size(); ++i) {
    halves.emplace_back(model.tensors[i].size() * DTypeSize(DType::kF16));
    EncodeFromFloat(DType::kF16, model.tensors[i], halves.back().data());
    TensorToWrite tensor{.name = specs[i].name, .dtype = DType::kF16, .shape = {}, .bytes = {}};
    if (!specs[i].is_vector()) tensor.shape.push_back(specs[i].rows);
    tensor.shape.push_back(specs[i].columns);
    tensor.bytes = halves.back();
    tensors.push_back(std::move(tensor));
  }
  return WriteSafetensors(path, tensors, {{"format", "pt"}});
}

}  // namespace

Status WriteHuggingFace(const std::string& directory, const HuggingFaceModel& model) {
  const json generation = {{"bos_token_id", model.bos}, {"eos_token_id", model.eos}};
  ELM_RETURN_IF_ERROR(
      WriteFileAtomically(directory + "/config.json", ConfigJson(model).dump(2) + "\n"));
  ELM_RETURN_IF_ERROR(
      WriteFileAtomically(directory + "/generation_config.json", generation.dump(2) + "\n"));
  ELM_RETURN_IF_ERROR(WriteFileAtomically(directory + "/tokenizer.model", model.tokenizer_model));
  return WriteWeights(directory + "/model.safetensors", model);
}

}  // namespace elm
