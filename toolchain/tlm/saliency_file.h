// Word saliency in the workspace, written as it is measured, so that an interrupted run goes on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/base/status.h"

namespace elm {

struct SaliencyRecord {
  std::string key;                           // of everything that decides the values
  std::vector<uint64_t> items;               // HashTask() of each
  std::vector<std::vector<float>> saliency;  // [items][words]

  bool operator==(const SaliencyRecord&) const = default;
};

// Atomic. Load refuses lists that do not fit each other.
Status SaveSaliency(const std::string& path, const SaliencyRecord& record);
Result<SaliencyRecord> LoadSaliency(const std::string& path);

}  // namespace elm
