// The small sections of a bundle, one Encode and one Parse each, and what a reader knows about the
// kinds. For the reader and the writer; users of bundles include bundle.h.
//
// Parse functions take untrusted bytes, at any address. Their messages name the field; the caller
// adds file and section.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "formats/base/status.h"
#include "formats/elm/bundle.h"
#include "formats/elm/layout.h"
#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "formats/model/tensor_list.h"

namespace elm {

// "model", "levels", ..., "unknown" for a kind that this version does not know.
const char* SectionName(layout::SectionKind kind);
bool IsKnown(layout::SectionKind kind);
bool IsBulk(layout::SectionKind kind);
// The flags that a known kind carries.
uint32_t FlagsOf(layout::SectionKind kind);
// The first minor version that has a known kind.
uint16_t FirstMinorOf(layout::SectionKind kind);

layout::TensorLayout LayoutOf(TensorRole role);

std::vector<std::byte> EncodeModel(const ModelConfig& config);
Result<ModelConfig> ParseModel(std::span<const std::byte> section);

std::vector<std::byte> EncodeLevels(const LevelTable& table);
Result<LevelTable> ParseLevels(std::span<const std::byte> section, const ModelConfig& config);

std::vector<std::byte> EncodeGeneration(const GenerationConfig& generation);
Result<GenerationConfig> ParseGeneration(std::span<const std::byte> section,
                                         const ModelConfig& config);
// Ids below the vocabulary, at most kMaxStopIds of them, a chat template in UTF-8, no BOS to add
// where there is none.
Status ValidateGeneration(const GenerationConfig& generation, const ModelConfig& config);

std::vector<std::byte> EncodeText(std::string_view text);

std::vector<std::byte> EncodeTensors(std::span<const layout::TensorRecord> records);
// `weights_offset` and `weights_size` are those of the weights section. Fills all but `bytes`.
Result<std::vector<BundleTensor>> ParseTensors(std::span<const std::byte> section,
                                               const ModelConfig& config, uint64_t weights_offset,
                                               uint64_t weights_size);

std::vector<std::byte> EncodeAdapters(std::span<const layout::AdapterRecord> records);
// `weights_offset` and `weights_size` are those of the adapter weights. Fills all but `bytes`.
Result<std::vector<BundleAdapter>> ParseAdapters(std::span<const std::byte> section,
                                                 const ModelConfig& config,
                                                 const LevelTable& levels, uint64_t weights_offset,
                                                 uint64_t weights_size);
// A rank and a scale that an adapter may have.
Status CheckAdapter(uint32_t rank, float scale);

// `storage` says how the tensor is stored, `spec` which one it is.
layout::TlmTensorRecord TlmRecordOf(const layout::TensorRecord& storage, const TlmTensorSpec& spec);
// Of a section with that many tensors; what EncodeTlm() makes.
uint64_t TlmSectionSize(const TlmSettings& settings, uint64_t tensors);
std::vector<std::byte> EncodeTlm(const TlmSettings& settings,
                                 std::span<const layout::TlmTensorRecord> records);
// `weights_offset` and `weights_size` are those of the tiny LM's weights. Fills all but `bytes`.
Result<BundleTlm> ParseTlm(std::span<const std::byte> section, uint64_t weights_offset,
                           uint64_t weights_size);

std::vector<std::byte> EncodeLatency(const LatencyTable& table);
Result<LatencyTable> ParseLatency(std::span<const std::byte> section);

std::vector<std::byte> EncodeAccuracy(const AccuracyGrid& grid);
Result<AccuracyGrid> ParseAccuracy(std::span<const std::byte> section);

// All model levels that are named are in the level table; accuracy and tiny LM name the same ones,
// and the same prompt levels. Any of the three may be missing.
Status CheckLevelNames(const LevelTable& levels, const TlmSettings* tlm,
                       const LatencyTable* latency, const AccuracyGrid* accuracy);

}  // namespace elm
