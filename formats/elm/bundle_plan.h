// Where everything of a bundle that is to be written will lie: computed before the first byte is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "formats/base/status.h"
#include "formats/elm/bundle_writer.h"
#include "formats/elm/layout.h"
#include "formats/elm/tile_layout.h"
#include "formats/model/tensor_list.h"

namespace elm {

struct PlannedTensor {
  TensorSpec spec;
  WeightType type;
  TileLayout layout;
  uint64_t offset;  // bytes from the start of the weights section
  uint64_t size;    // bytes
};

// A small section's bytes; empty for the tensor list and the bulk ones, which are written later.
struct PlannedSection {
  layout::SectionEntry entry;  // hash still 0
  std::vector<std::byte> bytes;
};

struct BundlePlan {
  std::vector<PlannedSection> sections;  // in file order
  std::vector<PlannedTensor> tensors;    // in the order of ListTensors()
  std::vector<AdapterPlan> adapters;     // in the order of BundleContents::adapters
  uint64_t file_size = 0;

  PlannedSection& section(layout::SectionKind kind);
};

// Validates the contents and lays them out.
Result<BundlePlan> PlanBundle(const BundleContents& contents);

}  // namespace elm
