#include "formats/checkpoint/gguf_checkpoint.h"

#include <array>
#include <string_view>
#include <utility>

#include "formats/base/printable.h"
#include "formats/checkpoint/gguf.h"
#include "formats/checkpoint/match_tensors.h"

namespace elm {
namespace {

constexpr const char* kEmbedding = "token_embd.weight";
constexpr const char* kHead = "output.weight";
constexpr const char* kRotaryFactors = "rope_freqs.weight";

std::string GgufName(const TensorSpec& spec) {
  const auto in_block = [&spec](const char* base) { return StrCat("blk.", spec.layer, ".", base); };
  switch (spec.role) {
    case TensorRole::kEmbedding:
      return kEmbedding;
    case TensorRole::kAttentionNorm:
      return in_block("attn_norm.weight");
    case TensorRole::kQuery:
      return in_block("attn_q.weight");
    case TensorRole::kKey:
      return in_block("attn_k.weight");
    case TensorRole::kValue:
      return in_block("attn_v.weight");
    case TensorRole::kOutput:
      return in_block("attn_output.weight");
    case TensorRole::kMlpNorm:
      return in_block("ffn_norm.weight");
    case TensorRole::kGate:
      return in_block("ffn_gate.weight");
    case TensorRole::kUp:
      return in_block("ffn_up.weight");
    case TensorRole::kDown:
      return in_block("ffn_down.weight");
    case TensorRole::kFinalNorm:
      return "output_norm.weight";
    case TensorRole::kHead:
      return kHead;
  }
  return {};
}

Status RefuseUnless(const GgufMetadata& metadata, const char* key,
                    std::initializer_list<std::string_view> allowed) {
  if (!metadata.Has(key)) return Status::Ok();
  ELM_ASSIGN_OR_RETURN(const std::string value, metadata.Text(key, ""));
  for (std::string_view text : allowed) {
    if (value == text) return Status::Ok();
  }
  return Unsupported("metadata ", key, " is ", Printable(value), ", expected ",
                     Printable(*allowed.begin()));
}

Status RefuseUnlessOne(const GgufMetadata& metadata, const char* key) {
  ELM_ASSIGN_OR_RETURN(const double factor, metadata.Number(key, 1.0));
  if (factor == 1.0) return Status::Ok();
  return Unsupported("metadata ", key, " is ", factor, ", but only 1 is supported");
}

Status RefuseAbove(const GgufMetadata& metadata, const char* key, uint32_t most) {
  ELM_ASSIGN_OR_RETURN(const uint32_t count, metadata.Count(key, 0));
  if (count <= most) return Status::Ok();
  return Unsupported("metadata ", key, " is ", count, ", but at most ", most, " is supported");
}

// What would compute something else than a plain Llama.
Status RefuseOtherForwardPasses(const GgufMetadata& metadata) {
  ELM_RETURN_IF_ERROR(
      RefuseUnless(metadata, "llama.tensor_data_layout", {"Meta AI original pth", "reference"}));
  ELM_RETURN_IF_ERROR(RefuseUnless(metadata, "llama.rope.scaling.type", {"none"}));
  for (const char* key :
       {"llama.rope.scaling.factor", "llama.rope.scale_linear", "llama.rope.scaling.attn_factor"}) {
    ELM_RETURN_IF_ERROR(RefuseUnlessOne(metadata, key));
  }
  ELM_RETURN_IF_ERROR(RefuseAbove(metadata, "llama.attention.sliding_window", 0));
  ELM_RETURN_IF_ERROR(RefuseAbove(metadata, "llama.expert_count", 0));
  ELM_RETURN_IF_ERROR(
      RefuseAbove(metadata, "split.count", 1).In("one of several files; merge them"));
  ELM_ASSIGN_OR_RETURN(const bool parallel, metadata.Flag("llama.use_parallel_residual", false));
  if (parallel) return Unsupported("metadata llama.use_parallel_residual is not supported");
  return Status::Ok();
}

Result<uint32_t> ParseHeadDim(const GgufMetadata& metadata, const ModelConfig& config) {
  if (config.query_heads == 0) {
    return Corruption("metadata llama.attention.head_count is 0, expected at least 1");
  }
  const bool stated = metadata.Has("llama.attention.key_length");
  if (!stated && config.width % config.query_heads != 0) {
    return Corruption("metadata llama.embedding_length is ", config.width,
                      ", not a multiple of llama.attention.head_count ", config.query_heads);
  }
  ELM_ASSIGN_OR_RETURN(const uint32_t head_dim, metadata.Count("llama.attention.key_length",
                                                               config.width / config.query_heads));
  for (const char* key : {"llama.attention.value_length", "llama.rope.dimension_count"}) {
    ELM_ASSIGN_OR_RETURN(const uint32_t other, metadata.Count(key, head_dim));
    if (other != head_dim) {
      return Unsupported("metadata ", key, " is ", other, ", expected the head size ", head_dim);
    }
  }
  return head_dim;
}

Result<uint32_t> ParseVocab(const GgufMetadata& metadata, const TensorsByName& tensors) {
  const auto embedding = tensors.find(kEmbedding);
  if (embedding == tensors.end()) return Corruption("\"", kEmbedding, "\" is missing");
  const std::vector<uint64_t>& shape = embedding->second.shape;
  if (shape.size() != 2 || shape[0] > ModelLimits::kVocab) {
    return Corruption("tensor \"", kEmbedding, "\" is no matrix with at most ", ModelLimits::kVocab,
                      " rows");
  }
  const auto rows = static_cast<uint32_t>(shape[0]);
  ELM_ASSIGN_OR_RETURN(const uint32_t vocab, metadata.Count("llama.vocab_size", rows));
  if (vocab != rows) {
    return Corruption("metadata llama.vocab_size is ", vocab, ", but \"", kEmbedding, "\" has ",
                      rows, " rows");
  }
  return vocab;
}

Result<ModelConfig> ParseConfig(const GgufMetadata& metadata, const TensorsByName& tensors) {
  ModelConfig config;
  ELM_ASSIGN_OR_RETURN(config.layers, metadata.Count("llama.block_count"));
  ELM_ASSIGN_OR_RETURN(config.width, metadata.Count("llama.embedding_length"));
  ELM_ASSIGN_OR_RETURN(config.neurons, metadata.Count("llama.feed_forward_length"));
  ELM_ASSIGN_OR_RETURN(config.context, metadata.Count("llama.context_length"));
  ELM_ASSIGN_OR_RETURN(config.query_heads, metadata.Count("llama.attention.head_count"));
  ELM_ASSIGN_OR_RETURN(config.kv_heads,
                       metadata.Count("llama.attention.head_count_kv", config.query_heads));
  ELM_ASSIGN_OR_RETURN(config.head_dim, ParseHeadDim(metadata, config));
  ELM_ASSIGN_OR_RETURN(const double theta, metadata.Number("llama.rope.freq_base", 10000.0));
  config.rope_theta = static_cast<float>(theta);
  ELM_ASSIGN_OR_RETURN(const double epsilon,
                       metadata.Number("llama.attention.layer_norm_rms_epsilon", std::nullopt));
  config.rms_epsilon = static_cast<float>(epsilon);
  ELM_ASSIGN_OR_RETURN(config.vocab, ParseVocab(metadata, tensors));
  // There is no word for a tied head: it is left out, or stored as a second copy of the embedding.
  config.tied_head = !tensors.contains(kHead) || SameTensor(tensors, kHead, kEmbedding);
  ELM_RETURN_IF_ERROR(Validate(config));
  return config;
}

Result<SpecialTokens> ParseSpecialTokens(const GgufMetadata& metadata, uint32_t vocab) {
  const auto id_of = [&](const char* key) -> Result<std::optional<uint32_t>> {
    ELM_ASSIGN_OR_RETURN(const std::optional<uint32_t> id, metadata.OptionalCount(key));
    if (id && *id >= vocab) {
      return Corruption("metadata ", key, " is ", *id, ", expected a token id below ", vocab);
    }
    return id;
  };
  SpecialTokens tokens;
  ELM_ASSIGN_OR_RETURN(tokens.bos, id_of("tokenizer.ggml.bos_token_id"));
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
    ELM_ASSIGN_OR_RETURN(const std::optional<uint32_t> eos, id_of(key));
    if (eos && (tokens.eos.empty() || tokens.eos.front() != *eos)) tokens.eos.push_back(*eos);
  }
  ELM_ASSIGN_OR_RETURN(tokens.chat_template, metadata.Text("tokenizer.chat_template", ""));
  return tokens;
}

Status CheckArchitecture(const GgufMetadata& metadata) {
  ELM_ASSIGN_OR_RETURN(const std::string architecture, metadata.Text("general.architecture", ""));
  if (architecture == "llama") return Status::Ok();
  return Unsupported("metadata general.architecture is ", Printable(architecture),
                     ", expected \"llama\"");
}

// Everything but the tensors: form, configuration, special tokens.
Status ParseDescription(const GgufFile& file, const TensorsByName& tensors,
                        CheckpointContents& contents) {
  ELM_RETURN_IF_ERROR(CheckArchitecture(file.metadata));
  ELM_RETURN_IF_ERROR(RefuseOtherForwardPasses(file.metadata));
  if (tensors.contains(kRotaryFactors)) {
    return Unsupported("tensor \"", kRotaryFactors,
                       "\": scaled rotary positions are not supported");
  }
  contents.form = StrCat("GGUF v", file.version);
  ELM_ASSIGN_OR_RETURN(contents.config, ParseConfig(file.metadata, tensors));
  ELM_ASSIGN_OR_RETURN(contents.special_tokens,
                       ParseSpecialTokens(file.metadata, contents.config.vocab));
  return Status::Ok();
}

}  // namespace

Result<CheckpointContents> ParseGgufCheckpoint(std::span<const std::byte> bytes,
                                               const std::string& name) {
  ELM_ASSIGN_OR_RETURN(GgufFile file, ParseGguf(bytes, name));
  TensorsByName tensors;
  for (StoredTensor& tensor : file.tensors) tensors.emplace(tensor.name, tensor);
  CheckpointContents contents;
  ELM_RETURN_IF_ERROR(ParseDescription(file, tensors, contents).In(name));
  if (contents.config.tied_head) tensors.erase(kHead);

  const TensorNaming naming{.where = name,
                            .config_name = "the file's metadata",
                            .stored_name = GgufName,
                            .may_ignore = [](std::string_view) { return false; }};
  ELM_ASSIGN_OR_RETURN(const std::vector<const StoredTensor*> matched,
                       MatchTensors(tensors, contents.config, naming));
  const std::vector<TensorSpec> specs = ListTensors(contents.config);
  for (size_t i = 0; i < specs.size(); ++i) {
    const bool rotary = specs[i].role == TensorRole::kQuery || specs[i].role == TensorRole::kKey;
    contents.tensors.push_back({specs[i], *matched[i]->dtype});
    contents.sources.push_back({.bytes = matched[i]->bytes,
                                .interleaved_head_dim = rotary ? contents.config.head_dim : 0});
  }
  return contents;
}

}  // namespace elm
