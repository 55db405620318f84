#include "toolchain/plan/anchors.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "toolchain/plan/plan.h"

namespace elm {
namespace {

// 0.29 * 100 is a hair below 29 in binary.
constexpr double kRoundingSlack = 1e-9;

}  // namespace

std::vector<uint32_t> LayersByImportance(const LayerScores& scores) {
  std::vector<double> importance(scores.skipped_loss_sum.size());
  for (uint32_t i = 0; i < importance.size(); ++i) importance[i] = scores.Importance(i);
  std::vector<uint32_t> layers(importance.size());
  std::iota(layers.begin(), layers.end(), 0U);
  std::stable_sort(layers.begin(), layers.end(),
                   [&](uint32_t a, uint32_t b) { return importance[a] > importance[b]; });
  return layers;
}

std::vector<uint32_t> ChooseAnchors(const LayerScores& scores, double share) {
  std::vector<uint32_t> anchors = LayersByImportance(scores);
  const double count = std::floor(share * static_cast<double>(anchors.size()) + kRoundingSlack);
  anchors.resize(std::min(anchors.size(), static_cast<size_t>(std::max(count, 0.0))));
  std::sort(anchors.begin(), anchors.end());
  return anchors;
}

}  // namespace elm
