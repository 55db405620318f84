// The tiny LM section: TlmHeader, SLO tokens and names of levels, TlmTensorRecord[], texts.

#include <bit>
#include <utility>

#include "formats/elm/byte_cursor.h"
#include "formats/elm/section_codec.h"
#include "formats/elm/tensor_record.h"

namespace elm {
namespace {

using layout::TensorLayout;
using layout::TensorRecord;
using layout::TlmHeader;
using layout::TlmTensorRecord;

// Roles and branches are stored as numbers.
static_assert(static_cast<int>(TlmRole::kEmbeddingNorm) == 4 &&
              static_cast<int>(TlmRole::kOutputBottleneckNorm) == 18 &&
              static_cast<int>(TlmRole::kGridHead) == 22);
static_assert(static_cast<int>(TlmBranch::kDecision) == 2);

uint64_t NumberCount(const TlmHeader& header) {
  return uint64_t{header.ttft_count} + header.tpot_count + header.prompt_levels +
         header.model_levels;
}

// No sum of 32-bit counts and sizes overflows.
uint64_t SectionSize(const TlmHeader& header) {
  return sizeof header + NumberCount(header) * sizeof(uint32_t) +
         uint64_t{header.tensor_count} * sizeof(TlmTensorRecord) + header.vocabulary_size +
         uint64_t{header.question_prefix_size} + header.question_suffix_size + header.joiner_size;
}

TlmHeader HeaderOf(const TlmSettings& settings, uint64_t tensors) {
  const TlmConfig& config = settings.config;
  TlmHeader header{};
  header.vocab = config.vocab;
  header.positions = config.positions;
  header.token_types = config.token_types;
  header.embedding = config.embedding;
  header.trigram = config.trigram ? 1 : 0;
  header.hidden = config.hidden;
  header.bottleneck = config.bottleneck;
  header.heads = config.heads;
  header.intermediate = config.intermediate;
  header.feed_forwards = config.feed_forwards;
  header.layer_norm = config.layer_norm ? 1 : 0;
  header.norm_epsilon = config.norm_epsilon;
  header.layers = config.layers;
  header.shared_layers = config.shared_layers;
  header.prompt_levels = config.prompt_levels;
  header.model_levels = config.model_levels;
  header.lower_case = settings.lower_case ? 1 : 0;
  header.decision = static_cast<uint32_t>(settings.decision);
  header.window_overlap = settings.window_overlap;
  header.short_prompt_tokens = settings.short_prompt_tokens;
  header.ttft_count = static_cast<uint32_t>(settings.ttft_permille.size());
  header.tpot_count = static_cast<uint32_t>(settings.tpot_permille.size());
  header.vocabulary_size = static_cast<uint32_t>(settings.vocabulary.size());
  header.question_prefix_size = static_cast<uint32_t>(settings.prompt.question_prefix.size());
  header.question_suffix_size = static_cast<uint32_t>(settings.prompt.question_suffix.size());
  header.joiner_size = static_cast<uint32_t>(settings.prompt.joiner.size());
  header.tensor_count = static_cast<uint32_t>(tensors);
  return header;
}

Status CheckFlag(const char* field, uint32_t value) {
  if (value <= 1) return Status::Ok();
  return Corruption(field, " is ", value, ", expected 0 or 1");
}

// What must hold before anything behind the header is looked at.
Result<TlmConfig> ParseConfig(const TlmHeader& header) {
  ELM_RETURN_IF_ERROR(CheckFlag("trigram", header.trigram));
  ELM_RETURN_IF_ERROR(CheckFlag("layer_norm", header.layer_norm));
  ELM_RETURN_IF_ERROR(CheckFlag("lower_case", header.lower_case));
  ELM_RETURN_IF_ERROR(ExpectEqual("reserved", header.reserved, 0));
  TlmConfig config;
  config.vocab = header.vocab;
  config.positions = header.positions;
  config.token_types = header.token_types;
  config.embedding = header.embedding;
  config.trigram = header.trigram == 1;
  config.hidden = header.hidden;
  config.bottleneck = header.bottleneck;
  config.heads = header.heads;
  config.intermediate = header.intermediate;
  config.feed_forwards = header.feed_forwards;
  config.layer_norm = header.layer_norm == 1;
  config.norm_epsilon = header.norm_epsilon;
  config.layers = header.layers;
  config.shared_layers = header.shared_layers;
  config.prompt_levels = header.prompt_levels;
  config.model_levels = header.model_levels;
  ELM_RETURN_IF_ERROR(Validate(config));
  return config;
}

// The part of a record that all tensors' records share.
TensorRecord StoragePart(const TlmTensorRecord& record) {
  auto storage = std::bit_cast<TensorRecord>(record);
  storage.role = 0;
  storage.layer = 0;
  return storage;
}

Result<BundleTlmTensor> ParseTensor(const TlmTensorRecord& record, const TlmTensorSpec& spec,
                                    const TensorPlace& place) {
  ELM_RETURN_IF_ERROR(ExpectEqual("role", record.role, spec.role));
  ELM_RETURN_IF_ERROR(ExpectEqual("bias", record.bias, spec.bias));
  ELM_RETURN_IF_ERROR(ExpectEqual("branch", record.branch, spec.branch));
  ELM_RETURN_IF_ERROR(ExpectEqual("part", record.part, spec.part));
  ELM_RETURN_IF_ERROR(ExpectEqual("layer", record.layer, spec.layer));
  const TensorLayout order = spec.is_vector() ? TensorLayout::kVector : TensorLayout::kOutputMajor;
  BundleTlmTensor tensor;
  ELM_ASSIGN_OR_RETURN(static_cast<BundleStorage&>(tensor),
                       ParseStorage(StoragePart(record), spec.rows, spec.columns, order, place));
  tensor.spec = spec;
  return tensor;
}

Result<std::vector<BundleTlmTensor>> ParseTensors(ByteCursor& cursor,
                                                  const std::vector<TlmTensorSpec>& specs,
                                                  uint64_t weights_offset, uint64_t weights_size) {
  std::vector<BundleTlmTensor> tensors;
  tensors.reserve(specs.size());
  uint64_t end = 0;  // in the tiny LM's weights
  for (const TlmTensorSpec& spec : specs) {
    const auto record = cursor.Next<TlmTensorRecord>();
    auto tensor = ParseTensor(record, spec, {end, weights_size, "tiny LM weights"});
    if (!tensor.ok()) return tensor.status().In(TlmTensorName(spec));
    end = tensor->offset + tensor->size;
    tensor->offset += weights_offset;
    tensors.push_back(std::move(tensor).value());
  }
  if (end == weights_size) return tensors;
  return Corruption("the last tensor ends at byte ", end, " of the tiny LM weights, expected ",
                    weights_size);
}

}  // namespace

TlmTensorRecord TlmRecordOf(const TensorRecord& storage, const TlmTensorSpec& spec) {
  auto record = std::bit_cast<TlmTensorRecord>(storage);
  record.role = static_cast<uint8_t>(spec.role);
  record.bias = spec.bias ? 1 : 0;
  record.branch = static_cast<uint8_t>(spec.branch);
  record.part = static_cast<uint8_t>(spec.part);
  record.layer = spec.layer;
  return record;
}

uint64_t TlmSectionSize(const TlmSettings& settings, uint64_t tensors) {
  return SectionSize(HeaderOf(settings, tensors));
}

std::vector<std::byte> EncodeTlm(const TlmSettings& settings,
                                 std::span<const TlmTensorRecord> records) {
  std::vector<std::byte> bytes;
  Append(HeaderOf(settings, records.size()), bytes);
  AppendAll(settings.ttft_permille, bytes);
  AppendAll(settings.tpot_permille, bytes);
  AppendAll(settings.prompt_levels_permille, bytes);
  AppendAll(settings.model_levels_permille, bytes);
  for (const TlmTensorRecord& record : records) Append(record, bytes);
  AppendText(settings.vocabulary, bytes);
  AppendText(settings.prompt.question_prefix, bytes);
  AppendText(settings.prompt.question_suffix, bytes);
  AppendText(settings.prompt.joiner, bytes);
  return bytes;
}

Result<BundleTlm> ParseTlm(std::span<const std::byte> section, uint64_t weights_offset,
                           uint64_t weights_size) {
  if (section.size() < sizeof(TlmHeader)) {
    return Corruption("size is ", section.size(), " bytes, expected at least ", sizeof(TlmHeader));
  }
  ByteCursor cursor(section);
  const auto header = cursor.Next<TlmHeader>();
  BundleTlm tlm;
  TlmSettings& settings = tlm.settings;
  ELM_ASSIGN_OR_RETURN(settings.config, ParseConfig(header));
  const std::vector<TlmTensorSpec> specs = ListTlmTensors(settings.config);
  ELM_RETURN_IF_ERROR(ExpectEqual("tensor_count", header.tensor_count, specs.size()));
  if (section.size() != SectionSize(header)) {
    return Corruption("size is ", section.size(), " bytes, expected ", SectionSize(header),
                      " for its counts and sizes");
  }
  settings.ttft_permille = cursor.List<uint32_t>(header.ttft_count);
  settings.tpot_permille = cursor.List<uint32_t>(header.tpot_count);
  settings.prompt_levels_permille = cursor.List<uint32_t>(header.prompt_levels);
  settings.model_levels_permille = cursor.List<uint32_t>(header.model_levels);
  ELM_ASSIGN_OR_RETURN(tlm.tensors, ParseTensors(cursor, specs, weights_offset, weights_size));
  settings.vocabulary = cursor.Text(header.vocabulary_size);
  settings.prompt.question_prefix = cursor.Text(header.question_prefix_size);
  settings.prompt.question_suffix = cursor.Text(header.question_suffix_size);
  settings.prompt.joiner = cursor.Text(header.joiner_size);
  settings.lower_case = header.lower_case == 1;
  settings.decision = static_cast<DecisionKind>(header.decision);
  settings.window_overlap = header.window_overlap;
  settings.short_prompt_tokens = header.short_prompt_tokens;
  ELM_RETURN_IF_ERROR(Validate(settings));
  return tlm;
}

}  // namespace elm
