#include "formats/checkpoint/llama2c.h"

#include <utility>
#include <vector>

#include "formats/base/checked_math.h"
#include "formats/checkpoint/byte_reader.h"

namespace elm {
namespace {

constexpr uint32_t kMagic = 0x616b3432;  // "ak42"
constexpr uint64_t kHeaderSize = 256;    // of v1 and v2, in bytes
constexpr uint64_t kMaxGroup = 1U << 20;

struct Header {
  uint32_t version = 0;
  ModelConfig config;
  uint32_t group = 0;       // v2: elements per int8 group
  uint64_t data_begin = 0;  // bytes
};

// Reads a count that is stored as int32 but never negative in a sound file.
Result<uint32_t> ReadCount(ByteReader& reader, const char* field) {
  ELM_ASSIGN_OR_RETURN(const int32_t value, reader.Read<int32_t>(field));
  if (value <= 0) return Corruption(field, " is ", value, ", expected at least 1");
  return static_cast<uint32_t>(value);
}

Result<ModelConfig> ReadConfig(ByteReader& reader, bool negative_vocab_means_untied) {
  ModelConfig config;
  ELM_ASSIGN_OR_RETURN(config.width, ReadCount(reader, "dim"));
  ELM_ASSIGN_OR_RETURN(config.neurons, ReadCount(reader, "hidden_dim"));
  ELM_ASSIGN_OR_RETURN(config.layers, ReadCount(reader, "n_layers"));
  ELM_ASSIGN_OR_RETURN(config.query_heads, ReadCount(reader, "n_heads"));
  ELM_ASSIGN_OR_RETURN(config.kv_heads, ReadCount(reader, "n_kv_heads"));
  ELM_ASSIGN_OR_RETURN(const int32_t vocab, reader.Read<int32_t>("vocab_size"));
  ELM_ASSIGN_OR_RETURN(config.context, ReadCount(reader, "max_seq_len"));
  config.tied_head = vocab > 0;
  if (vocab < 0 && !negative_vocab_means_untied) {
    return Corruption("vocab_size is ", vocab, ", expected at least 1");
  }
  config.vocab = static_cast<uint32_t>(vocab < 0 ? -int64_t{vocab} : vocab);
  if (config.width % config.query_heads != 0) {
    return Corruption("dim is ", config.width, ", not a multiple of n_heads ", config.query_heads);
  }
  config.head_dim = config.width / config.query_heads;
  ELM_RETURN_IF_ERROR(Validate(config));
  return config;
}

Result<Header> ReadVersionedHeader(ByteReader& reader) {
  Header header;
  header.data_begin = kHeaderSize;
  ELM_RETURN_IF_ERROR(reader.Skip("magic number", sizeof kMagic));
  ELM_ASSIGN_OR_RETURN(header.version, reader.Read<uint32_t>("version"));
  if (header.version != 1 && header.version != 2) {
    return Unsupported("llama2.c version ", header.version, ", expected 0, 1 or 2");
  }
  ELM_ASSIGN_OR_RETURN(header.config, ReadConfig(reader, false));
  ELM_ASSIGN_OR_RETURN(const uint8_t shared, reader.Read<uint8_t>("shared_classifier"));
  if (shared > 1) return Corruption("shared_classifier is ", int{shared}, ", expected 0 or 1");
  header.config.tied_head = shared == 1;
  if (header.version == 2) {
    ELM_ASSIGN_OR_RETURN(header.group, ReadCount(reader, "group_size"));
    if (header.group > kMaxGroup) {
      return Corruption("group_size is ", header.group, ", expected at most ", kMaxGroup);
    }
  }
  ELM_RETURN_IF_ERROR(reader.Skip("header", kHeaderSize - reader.position()));
  return header;
}

bool HasMagic(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  const Result<uint32_t> magic = reader.Read<uint32_t>("magic number");
  return magic.ok() && *magic == kMagic;
}

Result<Header> ReadHeader(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  if (HasMagic(bytes)) return ReadVersionedHeader(reader);
  Header header;
  ELM_ASSIGN_OR_RETURN(header.config, ReadConfig(reader, true));
  header.data_begin = reader.position();
  return header;
}

// The roles in the order of the file; every role's tensors stand together, by layer.
std::vector<TensorRole> FileOrder(uint32_t version) {
  using enum TensorRole;
  if (version == 0) {
    return {kEmbedding, kAttentionNorm, kQuery, kKey, kValue,     kOutput,
            kMlpNorm,   kGate,          kDown,  kUp,  kFinalNorm, kHead};
  }
  return {kAttentionNorm, kMlpNorm, kFinalNorm, kEmbedding, kQuery, kKey,
          kValue,         kOutput,  kGate,      kDown,      kUp,    kHead};
}

// Gives every tensor its bytes. `bytes` may be too short: only the end is computed then.
class Placer {
 public:
  Placer(const Header& header, std::span<const std::byte> bytes)
      : header_(header), bytes_(bytes), position_(header.data_begin) {}

  Result<CheckpointContents> Place() {
    CheckpointContents contents;
    contents.form = StrCat("llama2.c v", header_.version);
    contents.config = header_.config;
    for (TensorSpec& spec : ListTensors(header_.config)) {
      contents.tensors.push_back({std::move(spec), DType::kF32});
    }
    contents.sources.resize(contents.tensors.size());
    for (TensorRole role : FileOrder(header_.version)) {
      if (role == TensorRole::kHead && header_.version == 0) SkipRotaryTables();
      for (size_t i = 0; i < contents.tensors.size(); ++i) {
        if (contents.tensors[i].spec.role != role) continue;
        ELM_ASSIGN_OR_RETURN(contents.sources[i], PlaceTensor(contents.tensors[i].spec));
      }
    }
    if (!position_) return Corruption("the header's sizes overflow");
    if (*position_ != bytes_.size()) {
      return Corruption("the file is ", bytes_.size(), " bytes long, but its header implies ",
                        *position_, " (llama2.c v", header_.version, ", dim ", header_.config.width,
                        ", ", header_.config.layers,
                        " layers); it is truncated, over-long or no llama2.c file");
    }
    return contents;
  }

 private:
  Result<TensorSource> PlaceTensor(const TensorSpec& spec) {
    TensorSource source;
    const bool rotary = spec.role == TensorRole::kQuery || spec.role == TensorRole::kKey;
    source.interleaved_head_dim = rotary ? header_.config.head_dim : 0;
    source.int8_group = spec.is_vector() ? 0 : header_.group;
    const uint64_t elements = spec.rows * spec.columns;  // within ModelLimits: at most 2^40
    if (source.int8_group == 0) {
      source.bytes = Take(elements * sizeof(float));
      return source;
    }
    if (elements % source.int8_group != 0) {
      return Corruption("tensor ", spec.name, " has ", elements,
                        " elements, not a multiple of group_size ", source.int8_group);
    }
    source.bytes = Take(elements + elements / source.int8_group * sizeof(float));
    return source;
  }

  void SkipRotaryTables() {
    // Cosines and sines: [context, head_dim / 2] each.
    Take(uint64_t{header_.config.context} * header_.config.head_dim * sizeof(float));
  }

  std::span<const std::byte> Take(uint64_t size) {
    if (!position_) return {};
    const uint64_t begin = *position_;
    position_ = CheckedAdd(begin, size);
    if (!RangeFits(begin, size, bytes_.size())) return {};
    return bytes_.subspan(begin, size);
  }

  const Header& header_;
  std::span<const std::byte> bytes_;
  std::optional<uint64_t> position_;  // nothing once it has overflowed
};

}  // namespace

Result<CheckpointContents> ParseLlama2c(std::span<const std::byte> bytes, const std::string& name) {
  const Result<Header> header = ReadHeader(bytes);
  if (!header.ok()) return header.status().In(name);
  Result<CheckpointContents> contents = Placer(*header, bytes).Place();
  if (!contents.ok()) return contents.status().In(name);
  return contents;
}

bool LooksLikeLlama2c(std::span<const std::byte> bytes) {
  return HasMagic(bytes) || ReadHeader(bytes).ok();
}

}  // namespace elm
