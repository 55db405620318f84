#include "formats/elm/tensor_writer.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace elm {
namespace {

// Elements that are converted at a time, so that a huge matrix exists only once, in float32.
constexpr uint64_t kChunkElements = uint64_t{1} << 20;

// A part of a matrix whose tiles lie in one run: all columns of some tile rows, or all rows of some
// panels.
struct Band {
  uint64_t row;
  uint64_t column;
  TileLayout layout;  // of the band alone: `rows` and `columns` are the band's
};

// The bands of a matrix in stored order, each as large as fits kChunkElements and at least one tile
// row or panel.
std::vector<Band> SplitIntoBands(const TileLayout& whole) {
  if (whole.order == layout::TensorLayout::kVector) return {{0, 0, whole}};
  const bool by_rows = whole.order == layout::TensorLayout::kOutputMajor;
  const uint64_t unit = by_rows ? whole.tile_rows : whole.panel_columns;
  const uint64_t extent = by_rows ? whole.rows : whole.columns;
  const uint64_t across = by_rows ? whole.columns : whole.rows;
  const uint64_t step = std::max<uint64_t>(1, kChunkElements / (across * unit)) * unit;
  std::vector<Band> bands;
  for (uint64_t begin = 0; begin < extent; begin += step) {
    Band band{by_rows ? begin : 0, by_rows ? 0 : begin, whole};
    (by_rows ? band.layout.rows : band.layout.columns) = std::min(step, extent - begin);
    bands.push_back(band);
  }
  return bands;
}

// The band's elements, row-major, out of the row-major matrix.
std::vector<float> Gather(std::span<const float> values, uint64_t columns, const Band& band) {
  std::vector<float> gathered;
  gathered.reserve(band.layout.rows * band.layout.columns);
  for (uint64_t r = 0; r < band.layout.rows; ++r) {
    const auto row = values.subspan((band.row + r) * columns + band.column, band.layout.columns);
    gathered.insert(gathered.end(), row.begin(), row.end());
  }
  return gathered;
}

// Every value is finite, before and after rounding to `dtype`.
Status CheckFinite(const Band& band, DType dtype, std::span<const float> values,
                   std::span<const std::byte> encoded) {
  std::vector<float> rounded(values.size());
  DecodeToFloat(dtype, encoded.data(), rounded);
  const auto bad = std::find_if_not(rounded.begin(), rounded.end(),
                                    [](float value) { return std::isfinite(value); });
  if (bad == rounded.end()) return Status::Ok();
  const uint64_t index = static_cast<uint64_t>(bad - rounded.begin());
  return InvalidArgument("row ", band.row + index / band.layout.columns, ", column ",
                         band.column + index % band.layout.columns, " is ", values[index],
                         ", which ", DTypeName(dtype), " cannot hold as a finite number");
}

// The band of a quantised matrix.
QuantisedMatrix Gather(const QuantisedMatrix& whole, const Band& band) {
  QuantisedMatrix part{.rows = band.layout.rows,
                       .columns = band.layout.columns,
                       .group = whole.group,
                       .codes = {},
                       .scales = {}};
  part.codes.reserve(part.rows * part.columns);
  part.scales.reserve(part.rows * part.groups());
  for (uint64_t r = 0; r < part.rows; ++r) {
    const auto codes =
        whole.codes.begin() + static_cast<ptrdiff_t>((band.row + r) * whole.columns + band.column);
    part.codes.insert(part.codes.end(), codes, codes + static_cast<ptrdiff_t>(part.columns));
    const auto scales =
        whole.scales.begin() +
        static_cast<ptrdiff_t>((band.row + r) * whole.groups() + band.column / whole.group);
    part.scales.insert(part.scales.end(), scales, scales + static_cast<ptrdiff_t>(part.groups()));
  }
  return part;
}

std::vector<std::byte> EncodeBand(const QuantisedMatrix& matrix, const Band& band,
                                  WeightType type) {
  std::vector<std::byte> stored(*band.layout.StoredBytes(type));
  PackQuantisedTiles(band.layout, type, Gather(matrix, band), stored);
  return stored;
}

// The band as it is stored.
Result<std::vector<std::byte>> EncodeBand(std::span<const float> values, uint64_t columns,
                                          const Band& band, DType dtype) {
  const size_t element_size = DTypeSize(dtype);
  const std::vector<float> gathered = Gather(values, columns, band);
  std::vector<std::byte> encoded(gathered.size() * element_size);
  EncodeFromFloat(dtype, gathered, encoded.data());
  ELM_RETURN_IF_ERROR(CheckFinite(band, dtype, gathered, encoded));
  std::vector<std::byte> stored(*band.layout.StoredElements() * element_size);
  PackTiles(band.layout, element_size, encoded, stored);
  return stored;
}

layout::TensorRecord RecordOf(const PlannedStorage& tensor, uint64_t hash) {
  layout::TensorRecord record{};
  record.dtype = static_cast<uint8_t>(tensor.type);
  record.layout = static_cast<uint8_t>(tensor.layout.order);
  record.interleave = static_cast<uint8_t>(tensor.layout.interleave);
  record.tile_rows = static_cast<uint16_t>(tensor.layout.tile_rows);
  record.tile_columns = static_cast<uint16_t>(tensor.layout.tile_columns);
  record.panel_columns = tensor.layout.panel_columns;
  record.rows = tensor.layout.rows;
  record.columns = tensor.layout.columns;
  record.offset = tensor.offset;
  record.size = tensor.size;
  record.hash = hash;
  return record;
}

}  // namespace

Result<std::vector<std::byte>> EncodeTiles(const TileLayout& layout, DType dtype,
                                           std::span<const float> values) {
  return EncodeBand(values, layout.columns, {0, 0, layout}, dtype);
}

TensorWriter::TensorWriter(AtomicFile& file, uint64_t section_offset, Progress written)
    : file_(file), section_offset_(section_offset), progress_(std::move(written)) {}

Status TensorWriter::WriteBytes(std::span<const std::byte> bytes) {
  ELM_RETURN_IF_ERROR(file_.WriteAt(section_offset_ + written_, bytes));
  hash_.Update(bytes);
  written_ += bytes.size();
  return Status::Ok();
}

Result<layout::TensorRecord> TensorWriter::Write(const PlannedStorage& tensor,
                                                 std::span<const float> values,
                                                 const Quantiser& quantiser) {
  const std::vector<std::byte> padding(tensor.offset - written_);
  ELM_RETURN_IF_ERROR(WriteBytes(padding));
  QuantisedMatrix quantised;
  if (IsQuantised(tensor.type)) {
    ELM_ASSIGN_OR_RETURN(quantised, quantiser());
  }
  Hasher64 hasher;
  for (const Band& band : SplitIntoBands(tensor.layout)) {
    std::vector<std::byte> stored;
    if (IsQuantised(tensor.type)) {
      stored = EncodeBand(quantised, band, tensor.type);
    } else {
      ELM_ASSIGN_OR_RETURN(
          stored, EncodeBand(values, tensor.layout.columns, band, ElementType(tensor.type)));
    }
    hasher.Update(stored);
    ELM_RETURN_IF_ERROR(WriteBytes(stored));
    progress_(written_);
  }
  return RecordOf(tensor, hasher.Digest());
}

}  // namespace elm
