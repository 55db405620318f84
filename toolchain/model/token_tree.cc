#include "toolchain/model/token_tree.h"

#include <algorithm>

namespace elm {
namespace {

// Fills one row: positions [parents.size()], visible [parents.size()] rows of `stride` each.
void FillRow(std::span<const int64_t> parents, int64_t stride, int64_t* positions, bool* visible) {
  const auto tokens = static_cast<int64_t>(parents.size());
  for (int64_t token = 0; token < tokens; ++token) {
    const int64_t parent = parents[static_cast<size_t>(token)];
    TORCH_CHECK(parent >= 0 && parent <= token, "token ", token, " has the parent ", parent);
    if (parent < token) {
      std::copy_n(visible + parent * stride, parent + 1, visible + token * stride);
      positions[token] = positions[parent] + 1;
    }
    visible[token * stride + token] = true;
  }
}

}  // namespace

TokenTree MakeTokenTree(std::span<const std::vector<int64_t>> parents, torch::Device device) {
  const auto batch = static_cast<int64_t>(parents.size());
  size_t longest = 0;
  for (const auto& row : parents) longest = std::max(longest, row.size());
  const auto tokens = static_cast<int64_t>(longest);
  TokenTree tree;
  tree.positions = torch::zeros({batch, tokens}, torch::kInt64);
  tree.visible = torch::eye(tokens, torch::kBool).expand({batch, tokens, tokens}).clone();
  for (int64_t row = 0; row < batch; ++row) {
    FillRow(parents[static_cast<size_t>(row)], tokens,
            tree.positions.data_ptr<int64_t>() + row * tokens,
            tree.visible.data_ptr<bool>() + row * tokens * tokens);
  }
  tree.positions = tree.positions.to(device);
  tree.visible = tree.visible.to(device);
  return tree;
}

}  // namespace elm
