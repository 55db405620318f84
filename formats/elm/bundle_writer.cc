#include "formats/elm/bundle_writer.h"

#include <algorithm>
#include <utility>

#include "formats/base/atomic_file.h"
#include "formats/base/hash.h"
#include "formats/elm/bundle_plan.h"
#include "formats/elm/byte_cursor.h"
#include "formats/elm/quantise.h"
#include "formats/elm/section_codec.h"
#include "formats/elm/tensor_writer.h"

namespace elm {
namespace {

using layout::SectionKind;

// Everything that a bundle's tensors come from.
struct Sources {
  const TensorSource& tensors;
  const MatrixQuantiser& quantiser;
  const AdapterSource& adapters;
  const TlmSource& tlm;
};

class Writer {
 public:
  Writer(AtomicFile file, BundlePlan plan, const WriteProgress& progress, const Sources& sources)
      : file_(std::move(file)), plan_(std::move(plan)), progress_(progress), sources_(sources) {}

  Status Run(const BundleContents& contents) {
    ELM_RETURN_IF_ERROR(file_.Reserve(plan_.file_size));
    ELM_RETURN_IF_ERROR(WriteWeights());
    ELM_RETURN_IF_ERROR(WriteAdapters(contents));
    if (contents.tlm) ELM_RETURN_IF_ERROR(WriteTlm(contents.tlm->settings));
    ELM_RETURN_IF_ERROR(WriteSmallSections());
    ELM_RETURN_IF_ERROR(WriteTableAndHeader());
    Report(plan_.file_size);
    return file_.Commit();
  }

 private:
  void Report(uint64_t written) const {
    if (progress_) progress_(written, plan_.file_size);
  }

  TensorWriter WriterOf(const PlannedSection& section, uint64_t before) {
    return {file_, section.entry.offset,
            [this, before](uint64_t written) { Report(before + written); }};
  }

  Status WriteWeights() {
    PlannedSection& section = plan_.section(SectionKind::kWeights);
    TensorWriter writer = WriterOf(section, 0);
    std::vector<layout::TensorRecord> records;
    std::vector<float> values;
    for (const PlannedTensor& tensor : plan_.tensors) {
      const TensorSpec& spec = tensor.spec;
      values.resize(spec.rows * spec.columns);
      ELM_RETURN_IF_ERROR(sources_.tensors(spec, values));
      auto record = writer.Write(tensor.storage, values, [&] {
        const TileLayout& layout = tensor.storage.layout;
        return sources_.quantiser(spec, tensor.storage.type, layout.tile_columns, values);
      });
      if (!record.ok()) return record.status().In(spec.name);
      record->role = static_cast<uint32_t>(spec.role);
      record->layer = spec.layer;
      records.push_back(*record);
    }
    section.entry.hash = writer.Digest();
    plan_.section(SectionKind::kTensors).bytes = EncodeTensors(records);
    return Status::Ok();
  }

  Status WriteTlm(const TlmSettings& settings) {
    PlannedSection& section = plan_.section(SectionKind::kTinyLmWeights);
    TensorWriter writer = WriterOf(section, plan_.section(SectionKind::kWeights).entry.size);
    std::vector<layout::TlmTensorRecord> records;
    std::vector<float> values;
    for (const PlannedTlmTensor& tensor : plan_.tlm_tensors) {
      const TlmTensorSpec& spec = tensor.spec;
      values.resize(spec.rows * spec.columns);
      ELM_RETURN_IF_ERROR(sources_.tlm(spec, values));
      auto record = writer.Write(tensor.storage, values, [&] {
        const TileLayout& layout = tensor.storage.layout;
        return QuantiseMatrix(tensor.storage.type, ScaleSearch::kError, layout.tile_columns,
                              spec.rows, spec.columns, values);
      });
      if (!record.ok()) return record.status().In(StrCat("tiny LM: ", TlmTensorName(spec)));
      records.push_back(TlmRecordOf(*record, spec));
    }
    section.entry.hash = writer.Digest();
    plan_.section(SectionKind::kTinyLm).bytes = EncodeTlm(settings, records);
    return Status::Ok();
  }

  Status WriteAdapters(const BundleContents& contents) {
    if (plan_.adapters.empty()) return Status::Ok();
    PlannedSection& section = plan_.section(SectionKind::kAdapterWeights);
    std::vector<layout::AdapterRecord> records;
    Hasher64 hasher;
    uint64_t written = 0;
    for (size_t i = 0; i < plan_.adapters.size(); ++i) {
      const AdapterPlan& adapter = plan_.adapters[i];
      std::vector<std::byte> bytes(adapter.size);
      for (const AdapterTensor& tensor : adapter.tensors) {
        std::vector<float> values(tensor.layout.rows * tensor.layout.columns);
        ELM_RETURN_IF_ERROR(sources_.adapters(i, tensor, values));
        auto stored = EncodeTiles(tensor.layout, DType::kF16, values);
        if (!stored.ok()) {
          return stored.status().In(StrCat("adapter of level ", contents.adapters[i].level,
                                           ", layer ", tensor.layer, ", ",
                                           AdapterPartName(tensor.part)));
        }
        std::copy(stored->begin(), stored->end(),
                  bytes.begin() + static_cast<ptrdiff_t>(tensor.offset));
      }
      ELM_RETURN_IF_ERROR(file_.WriteAt(section.entry.offset + written, bytes));
      hasher.Update(bytes);
      layout::AdapterRecord record{};
      record.level = contents.adapters[i].level;
      record.rank = contents.adapters[i].rank;
      record.scale = contents.adapters[i].scale;
      record.offset = written;
      record.size = adapter.size;
      record.hash = Hash64(bytes);
      records.push_back(record);
      written += adapter.size;
    }
    section.entry.hash = hasher.Digest();
    plan_.section(SectionKind::kAdapters).bytes = EncodeAdapters(records);
    return Status::Ok();
  }

  // The others have been written, and hashed.
  Status WriteSmallSections() {
    for (PlannedSection& section : plan_.sections) {
      if (IsBulk(section.entry.kind)) continue;
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
    header.minor = plan_.minor;
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
  const Sources& sources_;
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
                   const MatrixQuantiser& quantiser, const AdapterSource& adapters,
                   const TlmSource& tlm) {
  Result<BundlePlan> plan = PlanBundle(contents);
  if (!plan.ok()) return plan.status().In(path);
  ELM_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  const Sources sources = {source, quantiser, adapters, tlm};
  return Writer(std::move(file), std::move(plan).value(), progress, sources).Run(contents);
}

}  // namespace elm
