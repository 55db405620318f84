// What it costs to cut one block of one layer and nothing else: what a measured allocation goes by.
#pragma once

#include <cstdint>
#include <vector>

namespace elm {

// A block that keeps its first units only.
struct BlockLoss {
  uint32_t kept = 0;    // query heads, or neurons
  double increase = 0;  // of the mean next-token loss, in nats, over the whole model's
};

// Per layer, ascending in `kept`, from nothing kept to everything, whose increase is 0.
struct BlockLosses {
  std::vector<std::vector<BlockLoss>> heads;
  std::vector<std::vector<BlockLoss>> neurons;
};

}  // namespace elm
