// The one implementation of Checkpoint: canonical tensors as views into mapped files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "formats/base/mapped_file.h"
#include "formats/base/status.h"
#include "formats/checkpoint/checkpoint.h"

namespace elm {

// Where a canonical tensor lies, and what must happen to it on the way out.
struct TensorSource {
  std::span<const std::byte> bytes;  // in a mapped file
  // Above 0: inside each head of so many rows, rotary pairs are neighbours (2i, 2i + 1), and come
  // out in halves (i, i + head_dim / 2).
  uint32_t interleaved_head_dim = 0;
  // Above 0: the bytes are one int8 per element, then one float32 scale per group of so many
  // elements, and come out as float32.
  uint32_t int8_group = 0;
};

// What a reader makes of a file's bytes. tensors[i] lies at sources[i].
struct CheckpointContents {
  std::string form;
  ModelConfig config;
  SpecialTokens special_tokens;
  std::vector<CheckpointTensor> tensors;
  std::vector<TensorSource> sources;
};

// The row of an interleaved head that belongs at `row` in half-split order. Heads have `head_dim`
// rows.
constexpr uint64_t InterleavedRow(uint64_t row, uint32_t head_dim) {
  const uint64_t half = head_dim / 2;
  const uint64_t within = row % head_dim;
  return row - within + 2 * (within % half) + within / half;
}

// Copies one tensor as Checkpoint::Read does.
Status ReadTensor(const CheckpointContents& contents, size_t tensor_index,
                  std::span<std::byte> bytes);

class MappedCheckpoint : public Checkpoint {
 public:
  // `contents` views `mapped`; `other_files` were read besides (config.json, ...).
  MappedCheckpoint(CheckpointContents contents, std::vector<MappedFile> mapped,
                   const std::vector<std::string>& other_files = {},
                   std::string tokenizer_path = "");

  std::string form() const override { return contents_.form; }
  std::vector<std::string> files() const override { return files_; }
  const ModelConfig& config() const override { return contents_.config; }
  std::string tokenizer_path() const override { return tokenizer_path_; }
  const SpecialTokens& special_tokens() const override { return contents_.special_tokens; }
  const std::vector<CheckpointTensor>& tensors() const override { return contents_.tensors; }
  Status Read(size_t tensor_index, std::span<std::byte> bytes) const override;

 private:
  CheckpointContents contents_;
  std::vector<MappedFile> mapped_;
  std::vector<std::string> files_;
  std::string tokenizer_path_;
};

}  // namespace elm
