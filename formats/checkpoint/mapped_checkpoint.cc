#include "formats/checkpoint/mapped_checkpoint.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

namespace elm {
namespace {

// Row `row` of a tensor of int8 groups as float32.
void DequantizeRow(const TensorSpec& spec, const TensorSource& source, uint64_t row,
                   std::byte* out) {
  const std::byte* scales = source.bytes.data() + spec.rows * spec.columns;
  const uint64_t begin = row * spec.columns;
  for (uint64_t i = begin; i < begin + spec.columns; ++i, out += sizeof(float)) {
    float scale;
    std::memcpy(&scale, scales + i / source.int8_group * sizeof scale, sizeof scale);
    const float value = static_cast<float>(std::to_integer<int8_t>(source.bytes[i])) * scale;
    std::memcpy(out, &value, sizeof value);
  }
}

// The part of `file` that `bytes` view, if they do. Offset in bytes.
std::optional<uint64_t> OffsetIn(const MappedFile& file, std::span<const std::byte> bytes) {
  const std::less_equal<const std::byte*> not_after;
  const std::byte* begin = file.bytes().data();
  const std::byte* end = begin + file.bytes().size();
  if (!not_after(begin, bytes.data()) || !not_after(bytes.data() + bytes.size(), end)) {
    return std::nullopt;
  }
  return static_cast<uint64_t>(bytes.data() - begin);
}

}  // namespace

Status ReadTensor(const CheckpointContents& contents, size_t tensor_index,
                  std::span<std::byte> bytes) {
  if (tensor_index >= contents.tensors.size()) {
    return InvalidArgument("tensor ", tensor_index, " asked for, but there are ",
                           contents.tensors.size());
  }
  const CheckpointTensor& tensor = contents.tensors[tensor_index];
  const TensorSource& source = contents.sources[tensor_index];
  const TensorSpec& spec = tensor.spec;
  const uint64_t row_size = spec.columns * DTypeSize(tensor.dtype);
  if (bytes.size() != spec.rows * row_size) {
    return InvalidArgument("tensor ", spec.name, " takes ", spec.rows * row_size,
                           " bytes, but room for ", bytes.size(), " was given");
  }
  if (source.interleaved_head_dim == 0 && source.int8_group == 0) {
    std::copy(source.bytes.begin(), source.bytes.end(), bytes.begin());
    return Status::Ok();
  }
  for (uint64_t row = 0; row < spec.rows; ++row) {
    const uint64_t from =
        source.interleaved_head_dim == 0 ? row : InterleavedRow(row, source.interleaved_head_dim);
    std::byte* out = bytes.data() + row * row_size;
    if (source.int8_group != 0) {
      DequantizeRow(spec, source, from, out);
    } else {
      std::memcpy(out, source.bytes.data() + from * row_size, row_size);
    }
  }
  return Status::Ok();
}

MappedCheckpoint::MappedCheckpoint(CheckpointContents contents, std::vector<MappedFile> mapped,
                                   const std::vector<std::string>& other_files,
                                   std::string tokenizer_path)
    : contents_(std::move(contents)),
      mapped_(std::move(mapped)),
      files_(other_files),
      tokenizer_path_(std::move(tokenizer_path)) {
  for (const MappedFile& file : mapped_) files_.push_back(file.path());
  std::sort(files_.begin(), files_.end());
}

Status MappedCheckpoint::Read(size_t tensor_index, std::span<std::byte> bytes) const {
  if (tensor_index >= contents_.sources.size()) return ReadTensor(contents_, tensor_index, bytes);
  const std::span<const std::byte> source = contents_.sources[tensor_index].bytes;
  for (const MappedFile& file : mapped_) {
    const std::optional<uint64_t> offset = OffsetIn(file, source);
    if (!offset) continue;
    // What has been copied out is not kept in memory a second time.
    file.WillNeed(*offset, source.size());
    Status status = ReadTensor(contents_, tensor_index, bytes);
    file.DontNeed(*offset, source.size());
    return status;
  }
  return Internal("tensor ", tensor_index, " lies in no mapped file");
}

}  // namespace elm
