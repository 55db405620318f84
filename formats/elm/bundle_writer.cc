#include "formats/elm/bundle_writer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "formats/base/atomic_file.h"
#include "formats/base/hash.h"
#include "formats/elm/bundle_plan.h"
#include "formats/elm/byte_cursor.h"
#include "formats/elm/quantise.h"
#include "formats/elm/section_codec.h"
#include "formats/elm/tile_layout.h"

namespace elm {
namespace {

using layout::SectionKind;

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

class Writer {
 public:
  Writer(AtomicFile file, BundlePlan plan, const WriteProgress& progress,
         const MatrixQuantiser& quantiser, const AdapterSource& adapters)
      : file_(std::move(file)),
        plan_(std::move(plan)),
        progress_(progress),
        quantiser_(quantiser),
        adapters_(adapters) {}

  Status Run(const BundleContents& contents, const TensorSource& source) {
    ELM_RETURN_IF_ERROR(file_.Reserve(plan_.file_size));
    ELM_RETURN_IF_ERROR(WriteWeights(source));
    ELM_RETURN_IF_ERROR(WriteAdapters(contents));
    ELM_RETURN_IF_ERROR(WriteSmallSections());
    ELM_RETURN_IF_ERROR(WriteTableAndHeader());
    Report(plan_.file_size);
    return file_.Commit();
  }

 private:
  void Report(uint64_t written) const {
    if (progress_) progress_(written, plan_.file_size);
  }

  // Writes the next bytes of the weights section, zero bytes included.
  Status WriteBulk(std::span<const std::byte> bytes) {
    const uint64_t start = plan_.section(SectionKind::kWeights).entry.offset;
    ELM_RETURN_IF_ERROR(file_.WriteAt(start + weights_written_, bytes));
    weights_hash_.Update(bytes);
    weights_written_ += bytes.size();
    return Status::Ok();
  }

  Status WriteTensor(const PlannedTensor& tensor, std::span<const float> values) {
    const std::vector<std::byte> padding(tensor.offset - weights_written_);
    ELM_RETURN_IF_ERROR(WriteBulk(padding));
    QuantisedMatrix quantised;
    if (IsQuantised(tensor.type)) {
      ELM_ASSIGN_OR_RETURN(
          quantised, quantiser_(tensor.spec, tensor.type, tensor.layout.tile_columns, values));
    }
    Hasher64 hasher;
    for (const Band& band : SplitIntoBands(tensor.layout)) {
      std::vector<std::byte> stored;
      if (IsQuantised(tensor.type)) {
        stored = EncodeBand(quantised, band, tensor.type);
      } else {
        ELM_ASSIGN_OR_RETURN(
            stored, EncodeBand(values, tensor.spec.columns, band, ElementType(tensor.type)));
      }
      hasher.Update(stored);
      ELM_RETURN_IF_ERROR(WriteBulk(stored));
      Report(weights_written_);
    }
    AddRecord(tensor, hasher.Digest());
    return Status::Ok();
  }

  void AddRecord(const PlannedTensor& tensor, uint64_t hash) {
    layout::TensorRecord record{};
    record.role = static_cast<uint32_t>(tensor.spec.role);
    record.layer = tensor.spec.layer;
    record.dtype = static_cast<uint8_t>(tensor.type);
    record.layout = static_cast<uint8_t>(tensor.layout.order);
    record.interleave = static_cast<uint8_t>(tensor.layout.interleave);
    record.tile_rows = static_cast<uint16_t>(tensor.layout.tile_rows);
    record.tile_columns = static_cast<uint16_t>(tensor.layout.tile_columns);
    record.panel_columns = tensor.layout.panel_columns;
    record.rows = tensor.spec.rows;
    record.columns = tensor.spec.columns;
    record.offset = tensor.offset;
    record.size = tensor.size;
    record.hash = hash;
    records_.push_back(record);
  }

  Status WriteWeights(const TensorSource& source) {
    std::vector<float> values;
    for (const PlannedTensor& tensor : plan_.tensors) {
      values.resize(tensor.spec.rows * tensor.spec.columns);
      ELM_RETURN_IF_ERROR(source(tensor.spec, values));
      ELM_RETURN_IF_ERROR(WriteTensor(tensor, values).In(tensor.spec.name));
    }
    return Status::Ok();
  }

  Status WriteAdapters(const BundleContents& contents) {
    uint64_t written = 0;
    for (size_t i = 0; i < plan_.adapters.size(); ++i) {
      const AdapterPlan& adapter = plan_.adapters[i];
      std::vector<std::byte> bytes(adapter.size);
      for (const AdapterTensor& tensor : adapter.tensors) {
        std::vector<float> values(tensor.layout.rows * tensor.layout.columns);
        ELM_RETURN_IF_ERROR(adapters_(i, tensor, values));
        auto stored = EncodeBand(values, tensor.layout.columns, {0, 0, tensor.layout}, DType::kF16);
        if (!stored.ok()) {
          return stored.status().In(StrCat("adapter of level ", contents.adapters[i].level,
                                           ", layer ", tensor.layer, ", ",
                                           AdapterPartName(tensor.part)));
        }
        std::copy(stored->begin(), stored->end(),
                  bytes.begin() + static_cast<ptrdiff_t>(tensor.offset));
      }
      const uint64_t start = plan_.section(SectionKind::kAdapterWeights).entry.offset;
      ELM_RETURN_IF_ERROR(file_.WriteAt(start + written, bytes));
      adapters_hash_.Update(bytes);
      layout::AdapterRecord record{};
      record.level = contents.adapters[i].level;
      record.rank = contents.adapters[i].rank;
      record.scale = contents.adapters[i].scale;
      record.offset = written;
      record.size = adapter.size;
      record.hash = Hash64(bytes);
      adapter_records_.push_back(record);
      written += adapter.size;
    }
    return Status::Ok();
  }

  Status WriteSmallSections() {
    plan_.section(SectionKind::kTensors).bytes = EncodeTensors(records_);
    if (!adapter_records_.empty()) {
      plan_.section(SectionKind::kAdapters).bytes = EncodeAdapters(adapter_records_);
    }
    for (PlannedSection& section : plan_.sections) {
      if (section.entry.kind == SectionKind::kWeights) {
        section.entry.hash = weights_hash_.Digest();
        continue;
      }
      if (section.entry.kind == SectionKind::kAdapterWeights) {
        section.entry.hash = adapters_hash_.Digest();
        continue;
      }
      section.entry.hash = Hash64(section.bytes);
      ELM_RETURN_IF_ERROR(file_.WriteAt(section.entry.offset, section.bytes));
    }
    return Status::Ok();
  }

  Status WriteTableAndHeader() {
    std::vector<std::byte> table;
    for (const PlannedSection& section : plan_.sections) Append(section.entry, table);
    layout::Header header{};
    header.magic = layout::kMagic;
    header.major = layout::kMajor;
    header.minor = layout::kMinor;
    header.header_size = sizeof header;
    header.file_size = plan_.file_size;
    header.section_table_offset = sizeof header;
    header.section_count = static_cast<uint32_t>(plan_.sections.size());
    header.section_entry_size = sizeof(layout::SectionEntry);
    header.section_table_hash = Hash64(table);
    const auto bytes = std::as_bytes(std::span(&header, 1));
    header.header_hash = Hash64(bytes.first(sizeof header - sizeof header.header_hash));
    ELM_RETURN_IF_ERROR(file_.WriteAt(header.section_table_offset, table));
    return file_.WriteAt(0, bytes);
  }

  AtomicFile file_;
  BundlePlan plan_;
  const WriteProgress& progress_;
  const MatrixQuantiser& quantiser_;
  const AdapterSource& adapters_;
  uint64_t weights_written_ = 0;  // bytes of the weights section
  Hasher64 weights_hash_;
  std::vector<layout::TensorRecord> records_;
  Hasher64 adapters_hash_;
  std::vector<layout::AdapterRecord> adapter_records_;
};

}  // namespace

MatrixQuantiser LeastErrorQuantiser() {
  return
      [](const TensorSpec& spec, WeightType type, uint32_t group, std::span<const float> values) {
        return QuantiseMatrix(type, ScaleSearch::kError, group, spec.rows, spec.columns, values);
      };
}

Result<uint64_t> BundleFileSize(const BundleContents& contents) {
  ELM_ASSIGN_OR_RETURN(const BundlePlan plan, PlanBundle(contents));
  return plan.file_size;
}

Status WriteBundle(const std::string& path, const BundleContents& contents,
                   const TensorSource& source, const WriteProgress& progress,
                   const MatrixQuantiser& quantiser, const AdapterSource& adapters) {
  Result<BundlePlan> plan = PlanBundle(contents);
  if (!plan.ok()) return plan.status().In(path);
  ELM_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  return Writer(std::move(file), std::move(plan).value(), progress, quantiser, adapters)
      .Run(contents, source);
}

}  // namespace elm
