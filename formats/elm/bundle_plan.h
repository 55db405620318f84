// Where everything of a bundle that is to be written will lie: computed before the first byte is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "formats/base/status.h"
#include "formats/elm/bundle_writer.h"
#include "formats/elm/layout.h"
#include "formats/elm/tensor_writer.h"
#include "formats/model/tensor_list.h"
#include "formats/model/tlm_tensors.h"

namespace elm {

struct PlannedTensor {
  TensorSpec spec;
  PlannedStorage storage;
};

struct PlannedTlmTensor {
  TlmTensorSpec spec;
  PlannedStorage storage;
};

// A small section's bytes; empty for the lists of tensors and the bulk ones, which are written
// later.
struct PlannedSection {
  layout::SectionEntry entry;  // hash still 0
  std::vector<std::byte> bytes;
};

struct BundlePlan {
  std::vector<PlannedSection> sections;       // in file order
  std::vector<PlannedTensor> tensors;         // in the order of ListTensors()
  std::vector<AdapterPlan> adapters;          // in the order of BundleContents::adapters
  std::vector<PlannedTlmTensor> tlm_tensors;  // in the order of ListTlmTensors()
  uint16_t minor = 0;                         // the least minor version that has these sections
  uint64_t file_size = 0;

  PlannedSection& section(layout::SectionKind kind);
};

// Validates the contents and lays them out.
Result<BundlePlan> PlanBundle(const BundleContents& contents);

}  // namespace elm
