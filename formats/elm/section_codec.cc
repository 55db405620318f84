#include "formats/elm/section_codec.h"

#include "formats/base/checked_math.h"
#include "formats/base/utf8.h"
#include "formats/elm/byte_cursor.h"

namespace elm {

using layout::SectionKind;

const char* SectionName(SectionKind kind) {
  switch (kind) {
    case SectionKind::kModel:
      return "model";
    case SectionKind::kLevels:
      return "levels";
    case SectionKind::kTensors:
      return "tensors";
    case SectionKind::kGeneration:
      return "generation";
    case SectionKind::kTokenizer:
      return "tokenizer";
    case SectionKind::kProvenance:
      return "provenance";
    case SectionKind::kAdapters:
      return "adapters";
    case SectionKind::kTinyLm:
      return "tiny LM";
    case SectionKind::kReferenceLatency:
      return "reference latency";
    case SectionKind::kAccuracy:
      return "accuracy";
    case SectionKind::kWeights:
      return "weights";
    case SectionKind::kAdapterWeights:
      return "adapter weights";
    case SectionKind::kTinyLmWeights:
      return "tiny LM weights";
  }
  return "unknown";
}

bool IsKnown(SectionKind kind) {
  switch (kind) {
    case SectionKind::kModel:
    case SectionKind::kLevels:
    case SectionKind::kTensors:
    case SectionKind::kGeneration:
    case SectionKind::kTokenizer:
    case SectionKind::kProvenance:
    case SectionKind::kAdapters:
    case SectionKind::kTinyLm:
    case SectionKind::kReferenceLatency:
    case SectionKind::kAccuracy:
    case SectionKind::kWeights:
    case SectionKind::kAdapterWeights:
    case SectionKind::kTinyLmWeights:
      return true;
  }
  return false;
}

bool IsBulk(SectionKind kind) { return static_cast<uint32_t>(kind) >= layout::kFirstBulkKind; }

uint16_t FirstMinorOf(SectionKind kind) {
  switch (kind) {
    case SectionKind::kTinyLm:
    case SectionKind::kReferenceLatency:
    case SectionKind::kAccuracy:
    case SectionKind::kTinyLmWeights:
      return 1;
    default:
      return 0;
  }
}

uint32_t FlagsOf(SectionKind kind) {
  // A reader of 1.0 may leave alone what came later.
  const bool optional = kind == SectionKind::kProvenance || FirstMinorOf(kind) > 0;
  const uint32_t required = optional ? 0U : uint32_t{layout::kRequired};
  return required | (IsBulk(kind) ? uint32_t{layout::kBulk} : 0U);
}

std::vector<std::byte> EncodeModel(const ModelConfig& config) {
  layout::ModelRecord record{};
  record.layers = config.layers;
  record.width = config.width;
  record.query_heads = config.query_heads;
  record.kv_heads = config.kv_heads;
  record.head_dim = config.head_dim;
  record.neurons = config.neurons;
  record.vocab = config.vocab;
  record.context = config.context;
  record.rope_theta = config.rope_theta;
  record.rms_epsilon = config.rms_epsilon;
  record.tied_head = config.tied_head ? 1 : 0;
  std::vector<std::byte> bytes;
  Append(record, bytes);
  return bytes;
}

Result<ModelConfig> ParseModel(std::span<const std::byte> section) {
  if (section.size() != sizeof(layout::ModelRecord)) {
    return Corruption("size is ", section.size(), " bytes, expected ", sizeof(layout::ModelRecord));
  }
  const auto record = ReadAt<layout::ModelRecord>(section, 0);
  if (record.tied_head > 1) {
    return Corruption("tied_head is ", record.tied_head, ", expected 0 or 1");
  }
  if (record.reserved != 0) return Corruption("reserved is ", record.reserved, ", expected 0");
  ModelConfig config;
  config.layers = record.layers;
  config.width = record.width;
  config.query_heads = record.query_heads;
  config.kv_heads = record.kv_heads;
  config.head_dim = record.head_dim;
  config.neurons = record.neurons;
  config.vocab = record.vocab;
  config.context = record.context;
  config.rope_theta = record.rope_theta;
  config.rms_epsilon = record.rms_epsilon;
  config.tied_head = record.tied_head == 1;
  ELM_RETURN_IF_ERROR(Validate(config));
  return config;
}

std::vector<std::byte> EncodeGeneration(const GenerationConfig& generation) {
  layout::GenerationHeader header{};
  header.bos_id = generation.bos_id;
  header.add_bos = generation.add_bos ? 1 : 0;
  header.stop_count = static_cast<uint32_t>(generation.stop_ids.size());
  header.chat_template_size = static_cast<uint32_t>(generation.chat_template.size());
  std::vector<std::byte> bytes;
  Append(header, bytes);
  for (uint32_t id : generation.stop_ids) Append(id, bytes);
  const auto text = std::as_bytes(std::span(generation.chat_template));
  bytes.insert(bytes.end(), text.begin(), text.end());
  return bytes;
}

Result<GenerationConfig> ParseGeneration(std::span<const std::byte> section,
                                         const ModelConfig& config) {
  if (section.size() < sizeof(layout::GenerationHeader)) {
    return Corruption("size is ", section.size(), " bytes, expected at least ",
                      sizeof(layout::GenerationHeader));
  }
  ByteCursor cursor(section);
  const auto header = cursor.Next<layout::GenerationHeader>();
  if (header.add_bos > 1) {
    return Corruption("add_bos is ", header.add_bos, ", expected 0 or 1");
  }
  if (header.stop_count > layout::kMaxStopIds) {
    return Corruption("stop_count is ", header.stop_count, ", expected at most ",
                      layout::kMaxStopIds);
  }
  const uint64_t expected =
      sizeof header + uint64_t{header.stop_count} * sizeof(uint32_t) + header.chat_template_size;
  if (section.size() != expected) {
    return Corruption("size is ", section.size(), " bytes, expected ", expected, " for stop_count ",
                      header.stop_count, " and chat_template_size ", header.chat_template_size);
  }
  GenerationConfig generation;
  generation.bos_id = header.bos_id;
  generation.add_bos = header.add_bos == 1;
  for (uint32_t i = 0; i < header.stop_count; ++i) {
    generation.stop_ids.push_back(cursor.Next<uint32_t>());
  }
  generation.chat_template = AsText(section.subspan(cursor.offset()));
  ELM_RETURN_IF_ERROR(ValidateGeneration(generation, config));
  return generation;
}

Status ValidateGeneration(const GenerationConfig& generation, const ModelConfig& config) {
  const bool has_bos = generation.bos_id != layout::kNoToken;
  if (has_bos && generation.bos_id >= config.vocab) {
    return Corruption("bos_id is ", generation.bos_id, ", expected below the vocabulary of ",
                      config.vocab);
  }
  if (generation.add_bos && !has_bos) return Corruption("add_bos is 1, but there is no bos_id");
  if (generation.stop_ids.size() > layout::kMaxStopIds) {
    return Corruption("there are ", generation.stop_ids.size(), " stop ids, expected at most ",
                      layout::kMaxStopIds);
  }
  for (uint32_t id : generation.stop_ids) {
    if (id >= config.vocab) {
      return Corruption("stop id ", id, " is not below the vocabulary of ", config.vocab);
    }
  }
  if (const auto invalid = FindInvalidUtf8(generation.chat_template)) {
    return Corruption("chat template: not UTF-8 at byte ", *invalid);
  }
  return Status::Ok();
}

std::vector<std::byte> EncodeText(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

}  // namespace elm
