// An .elm bundle, opened: validated once, then typed views into the mapping.
//
// Immutable after Open(), safe to share between threads. Every view lives as long as the Bundle.
// The file is untrusted: Open() checks the length, the header, the section table, every small
// section against its checksum and every rule of docs/elm-format.md, so that no later read can
// leave the mapping. The bulk weights' checksums are left to VerifyWeights(), so that opening stays
// fast and memory follows the level in use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/mapped_file.h"
#include "formats/base/status.h"
#include "formats/elm/adapter_plan.h"
#include "formats/elm/layout.h"
#include "formats/elm/tile_layout.h"
#include "formats/elm/weight_type.h"
#include "formats/model/accuracy_grid.h"
#include "formats/model/latency_table.h"
#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "formats/model/tensor_list.h"
#include "formats/model/tlm_settings.h"
#include "formats/model/tlm_tensors.h"

namespace elm {

// What a text generator needs beside the tokenizer.
struct GenerationConfig {
  uint32_t bos_id = layout::kNoToken;
  bool add_bos = false;
  std::vector<uint32_t> stop_ids;  // any of them ends an answer; at most layout::kMaxStopIds
  std::string chat_template;       // UTF-8; empty when the checkpoint has none

  bool operator==(const GenerationConfig&) const = default;
};

// How a tensor is stored, and where.
struct BundleStorage {
  WeightType type = WeightType::kF32;
  TileLayout layout;
  uint64_t offset = 0;  // bytes from the start of the file
  uint64_t size = 0;    // bytes
  uint64_t hash = 0;
  std::span<const std::byte> bytes;
};

struct BundleTensor : BundleStorage {
  TensorSpec spec;
};

struct BundleTlmTensor : BundleStorage {
  TlmTensorSpec spec;
};

// The tiny LM.
struct BundleTlm {
  TlmSettings settings;
  std::vector<BundleTlmTensor> tensors;  // in the order of ListTlmTensors()
};

// The adapter of one level.
struct BundleAdapter {
  uint32_t level = 0;  // index into the level table
  uint32_t rank = 0;
  float scale = 0;  // alpha / rank
  AdapterPlan plan;
  uint64_t offset = 0;  // bytes from the start of the file
  uint64_t hash = 0;
  std::span<const std::byte> bytes;
};

// One row of the section table, for `inspect` and `dump`.
struct BundleSection {
  layout::SectionKind kind;
  uint32_t flags = 0;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t hash = 0;

  bool operator==(const BundleSection&) const = default;
};

// Everything that a bundle's small sections say. Views point into the bytes that were parsed.
struct BundleView {
  uint16_t major = 0;
  uint16_t minor = 0;
  std::vector<BundleSection> sections;  // in file order, unknown optional ones included
  ModelConfig config;
  LevelTable levels;
  GenerationConfig generation;
  std::string_view tokenizer_model;     // a serialised SentencePiece model; may be empty
  std::string_view provenance_json;     // empty when absent
  std::vector<BundleTensor> tensors;    // in the order of ListTensors(config)
  std::vector<BundleAdapter> adapters;  // ascending in level; may be empty
  std::optional<BundleTlm> tlm;
  std::optional<LatencyTable> reference_latency;
  std::optional<AccuracyGrid> accuracy;
};

// One tensor as float32, row-major, rows * columns of its spec: what the stored elements stand for.
void DecodeTensor(const BundleStorage& tensor, std::span<float> values);

// Validates a bundle that lies in memory (all of it, or a mapping of it). Reads every byte outside
// the bulk sections and none inside them. `name` starts every message.
Result<BundleView> ParseBundle(std::span<const std::byte> file, const std::string& name);

// Called before each piece [offset, offset + size) of the file is read, front to back.
using BeforeRead = std::function<void(uint64_t offset, uint64_t size)>;

// Reads every byte of the bulk sections once, against the checksums, and names the first damaged
// tensor. `file` and `view` belong together.
Status VerifyBulk(std::span<const std::byte> file, const BundleView& view, const std::string& name,
                  const BeforeRead& before_read = {});

// Bytes of `tensor` that `level` touches: a prefix of it. Embedding, norms and head are never cut.
uint64_t LevelPrefixBytes(const BundleTensor& tensor, const ModelConfig& config,
                          const Level& level);

// Their sum over all tensors.
uint64_t LevelBytes(const BundleView& view, const Level& level);

class Bundle {
 public:
  static Result<std::shared_ptr<const Bundle>> Open(
      const std::string& path, MappedFile::Access access = MappedFile::Access::kRandom);

  const std::string& path() const { return file_.path(); }
  uint64_t file_size() const { return file_.bytes().size(); }
  const BundleView& view() const { return view_; }
  const ModelConfig& config() const { return view_.config; }
  const LevelTable& levels() const { return view_.levels; }

  // The tensor, or nullptr when the model has none of that role (a tied head).
  const BundleTensor* FindTensor(TensorRole role, uint32_t layer) const;

  // Bytes of weights that level `level` (an index into levels().levels) touches: embedding, norms
  // and head whole, the prefixes of the rest.
  uint64_t LevelBytes(size_t level) const;

  // The adapter of level `level`, or nullptr when it has none.
  const BundleAdapter* FindAdapter(size_t level) const;

  // Asks the kernel to read the level's prefixes ahead. A hint.
  void AdviseLevel(size_t level) const;

  // Fails when the file has shrunk since it was opened, so that reading on would end the process.
  Status CheckSize() const { return file_.CheckSize(); }
  bool copied() const { return file_.copied(); }
  // Lets go of the pages that were read; the next use reads them again. Nothing for a copy.
  void Release() const { file_.DontNeed(0, file_size()); }

  // VerifyBulk(), telling the kernel what is read next and what is done with, so that a bundle
  // larger than memory passes through it.
  Status VerifyWeights() const;

 private:
  Bundle(MappedFile file, BundleView view);

  MappedFile file_;
  BundleView view_;
  std::vector<const BundleTensor*> by_role_;  // [layers, roles]; null where there is none
};

}  // namespace elm
