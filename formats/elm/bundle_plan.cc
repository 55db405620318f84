#include "formats/elm/bundle_plan.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "formats/base/utf8.h"
#include "formats/elm/section_codec.h"

namespace elm {
namespace {

using layout::SectionKind;

constexpr uint32_t kSmallestGroup = 32;

Status ValidateAdapters(const BundleContents& contents) {
  const AdapterSpec* previous = nullptr;
  for (const AdapterSpec& spec : contents.adapters) {
    if (spec.level + 1 >= contents.levels.levels.size()) {
      return InvalidArgument("level ", spec.level, " of ", contents.levels.levels.size(),
                             ": only levels below the full one have an adapter");
    }
    if (previous != nullptr && spec.level <= previous->level) {
      return InvalidArgument("level ", spec.level, " stands behind level ", previous->level,
                             ", expected ascending levels");
    }
    ELM_RETURN_IF_ERROR(CheckAdapter(spec.rank, spec.scale));
    previous = &spec;
  }
  return Status::Ok();
}

Status ValidateGroup(uint32_t group) {
  if (group >= kSmallestGroup && group <= layout::kMaxTileColumns && std::has_single_bit(group)) {
    return Status::Ok();
  }
  return InvalidArgument("groups of ", group, " inputs, expected a power of two from ",
                         kSmallestGroup, " to ", layout::kMaxTileColumns);
}

Status ValidateTlm(const TlmContents& tlm) {
  if (IsQuantised(tlm.weights)) ELM_RETURN_IF_ERROR(ValidateGroup(tlm.group));
  return Validate(tlm.settings);
}

Status ValidateContents(const BundleContents& contents) {
  if (IsQuantised(contents.weights) ||
      IsQuantised(contents.vocabulary.value_or(contents.weights))) {
    ELM_RETURN_IF_ERROR(ValidateGroup(contents.group));
  }
  ELM_RETURN_IF_ERROR(Validate(contents.config).In("model"));
  ELM_RETURN_IF_ERROR(Validate(contents.levels, contents.config).In("levels"));
  ELM_RETURN_IF_ERROR(ValidateAdapters(contents).In("adapters"));
  ELM_RETURN_IF_ERROR(ValidateGeneration(contents.generation, contents.config).In("generation"));
  if (const auto invalid = FindInvalidUtf8(contents.provenance_json)) {
    return InvalidArgument("provenance: not UTF-8 at byte ", *invalid);
  }
  if (contents.tlm) ELM_RETURN_IF_ERROR(ValidateTlm(*contents.tlm).In("tiny LM"));
  if (contents.reference_latency) {
    ELM_RETURN_IF_ERROR(Validate(*contents.reference_latency).In("reference latency"));
  }
  if (contents.accuracy) ELM_RETURN_IF_ERROR(Validate(*contents.accuracy).In("accuracy"));
  return CheckLevelNames(contents.levels, contents.tlm ? &contents.tlm->settings : nullptr,
                         contents.reference_latency ? &*contents.reference_latency : nullptr,
                         contents.accuracy ? &*contents.accuracy : nullptr);
}

// A divisor of every number of inputs that some level keeps of a matrix, all of them included.
uint64_t InputBorder(const TensorSpec& spec, const BundleContents& contents) {
  if (spec.role == TensorRole::kOutput) return contents.config.head_dim;
  uint64_t border = spec.columns;
  if (spec.role == TensorRole::kDown) {
    for (const Level& level : contents.levels.levels) {
      border = std::gcd(border, uint64_t{level.layers[spec.layer].neurons});
    }
  }
  return border;
}

struct Storage {
  WeightType type;
  TileLayout layout;
};

// The requested type; f16 where no group fits between the level borders.
Storage StorageFor(const TensorSpec& spec, const BundleContents& contents) {
  const layout::TensorLayout order = LayoutOf(spec.role);
  if (order == layout::TensorLayout::kVector) {
    return {WeightType::kF32, VectorLayout(spec.columns)};
  }
  const auto make =
      order == layout::TensorLayout::kOutputMajor ? OutputMajorLayout : InputMajorLayout;
  const bool vocabulary = spec.role == TensorRole::kEmbedding || spec.role == TensorRole::kHead;
  WeightType type = vocabulary ? contents.vocabulary.value_or(contents.weights) : contents.weights;
  uint32_t group = contents.group;
  if (IsQuantised(type)) {
    const uint64_t border = InputBorder(spec, contents);
    while (group >= kSmallestGroup && border % group != 0) group /= 2;
    if (group < kSmallestGroup) type = WeightType::kF16;
  }
  return {type, make(spec.rows, spec.columns, type, group)};
}

// Behind what ends at `end`, which moves on. A valid config keeps one tensor below 2^42 bytes and
// all of them below 2^56.
PlannedStorage PlaceTensor(const Storage& storage, uint64_t& end) {
  const uint64_t size = *storage.layout.StoredBytes(storage.type);
  const uint64_t offset = AlignUp(end, layout::kTensorAlignment);
  end = offset + size;
  return {storage.type, storage.layout, offset, size};
}

// Places all tensors and returns the size of the weights section.
uint64_t PlanTensors(const BundleContents& contents, BundlePlan& plan) {
  uint64_t end = 0;
  for (TensorSpec& spec : ListTensors(contents.config)) {
    const Storage storage = StorageFor(spec, contents);
    plan.tensors.push_back({std::move(spec), PlaceTensor(storage, end)});
  }
  return end;
}

WeightType TypeFor(const TlmTensorSpec& spec, WeightType weights) {
  switch (spec.role) {
    case TlmRole::kPositions:
    case TlmRole::kTokenTypes:
    case TlmRole::kScoreHead:
    case TlmRole::kPromptClassifier:
    case TlmRole::kModelClassifier:
    case TlmRole::kGridHead:
      return weights == WeightType::kF32 ? WeightType::kF32 : WeightType::kF16;
    case TlmRole::kWords:
      return weights == WeightType::kQ4 ? WeightType::kQ8 : weights;
    default:
      return weights;
  }
}

// The requested type; f16 where no group fits.
Storage StorageFor(const TlmTensorSpec& spec, const TlmContents& tlm) {
  if (spec.is_vector()) return {WeightType::kF32, VectorLayout(spec.columns)};
  WeightType type = TypeFor(spec, tlm.weights);
  uint32_t group = tlm.group;
  if (IsQuantised(type)) {
    while (group >= kSmallestGroup && spec.columns % group != 0) group /= 2;
    if (group < kSmallestGroup) type = WeightType::kF16;
  }
  return {type, OutputMajorLayout(spec.rows, spec.columns, type, group)};
}

// Places the tiny LM's tensors and returns the size of their section; 0 without one.
uint64_t PlanTlm(const BundleContents& contents, BundlePlan& plan) {
  if (!contents.tlm) return 0;
  uint64_t end = 0;
  for (const TlmTensorSpec& spec : ListTlmTensors(contents.tlm->settings.config)) {
    plan.tlm_tensors.push_back({spec, PlaceTensor(StorageFor(spec, *contents.tlm), end)});
  }
  return end;
}

// Plans all adapters and returns the size of their weights.
uint64_t PlanAdapters(const BundleContents& contents, BundlePlan& plan) {
  uint64_t size = 0;
  for (const AdapterSpec& spec : contents.adapters) {
    plan.adapters.push_back(
        PlanAdapter(contents.config, contents.levels.levels[spec.level], spec.rank));
    size += plan.adapters.back().size;
  }
  return size;
}

void AddSection(SectionKind kind, uint64_t size, std::vector<std::byte> bytes, BundlePlan& plan) {
  if (size == 0) return;  // no section is empty
  layout::SectionEntry entry{};
  entry.kind = kind;
  entry.flags = FlagsOf(kind);
  entry.size = size;
  plan.sections.push_back({entry, std::move(bytes)});
}

void AddSmallSection(SectionKind kind, std::vector<std::byte> bytes, BundlePlan& plan) {
  const uint64_t size = bytes.size();
  AddSection(kind, size, std::move(bytes), plan);
}

Status PlaceSections(BundlePlan& plan) {
  uint64_t end = sizeof(layout::Header) + plan.sections.size() * sizeof(layout::SectionEntry);
  for (PlannedSection& section : plan.sections) {
    layout::SectionEntry& entry = section.entry;
    if ((entry.flags & layout::kBulk) == 0 && entry.size > layout::kMaxSmallSection) {
      return InvalidArgument(SectionName(entry.kind), ": ", entry.size, " bytes, at most ",
                             layout::kMaxSmallSection, " are allowed");
    }
    entry.offset = AlignUp(end, layout::kSectionAlignment);
    end = entry.offset + entry.size;
  }
  plan.file_size = end;
  if (end > layout::kMaxFileSize) {
    return InvalidArgument("the bundle would have ", end, " bytes, at most ", layout::kMaxFileSize,
                           " are allowed");
  }
  return Status::Ok();
}

}  // namespace

PlannedSection& BundlePlan::section(SectionKind kind) {
  return *std::find_if(sections.begin(), sections.end(),
                       [kind](const PlannedSection& s) { return s.entry.kind == kind; });
}

Result<BundlePlan> PlanBundle(const BundleContents& contents) {
  ELM_RETURN_IF_ERROR(ValidateContents(contents));
  BundlePlan plan;
  const uint64_t weights_size = PlanTensors(contents, plan);
  const uint64_t adapters_size = PlanAdapters(contents, plan);
  const uint64_t tlm_size = PlanTlm(contents, plan);
  AddSmallSection(SectionKind::kModel, EncodeModel(contents.config), plan);
  AddSmallSection(SectionKind::kLevels, EncodeLevels(contents.levels), plan);
  AddSection(SectionKind::kTensors, plan.tensors.size() * sizeof(layout::TensorRecord), {}, plan);
  AddSmallSection(SectionKind::kGeneration, EncodeGeneration(contents.generation), plan);
  AddSmallSection(SectionKind::kTokenizer, EncodeText(contents.tokenizer_model), plan);
  AddSmallSection(SectionKind::kProvenance, EncodeText(contents.provenance_json), plan);
  AddSection(SectionKind::kAdapters, plan.adapters.size() * sizeof(layout::AdapterRecord), {},
             plan);
  if (contents.tlm) {
    AddSection(SectionKind::kTinyLm,
               TlmSectionSize(contents.tlm->settings, plan.tlm_tensors.size()), {}, plan);
  }
  if (contents.reference_latency) {
    AddSmallSection(SectionKind::kReferenceLatency, EncodeLatency(*contents.reference_latency),
                    plan);
  }
  if (contents.accuracy) {
    AddSmallSection(SectionKind::kAccuracy, EncodeAccuracy(*contents.accuracy), plan);
  }
  AddSection(SectionKind::kWeights, weights_size, {}, plan);
  AddSection(SectionKind::kAdapterWeights, adapters_size, {}, plan);
  AddSection(SectionKind::kTinyLmWeights, tlm_size, {}, plan);
  for (const PlannedSection& section : plan.sections) {
    plan.minor = std::max(plan.minor, FirstMinorOf(section.entry.kind));
  }
  ELM_RETURN_IF_ERROR(PlaceSections(plan));
  return plan;
}

}  // namespace elm
