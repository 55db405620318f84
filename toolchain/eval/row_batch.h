// Rows of tokens on their way through the model together.
#pragma once

#include "toolchain/base/libtorch.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "toolchain/eval/request_row.h"
#include "toolchain/model/token_tree.h"

namespace elm {

// Padded behind to the longest row.
class RowBatch {
 public:
  explicit RowBatch(std::vector<RequestRow> rows);

  const std::vector<RequestRow>& rows() const { return rows_; }
  size_t longest() const { return longest_; }

  torch::Tensor Ids() const;  // [rows, longest] int64 on the processor
  TokenTree Tree(torch::Device device) const;

  // The place in [rows * longest] of a place in a row.
  int64_t Flat(size_t row, int64_t place) const {
    return static_cast<int64_t>(row * longest_) + place;
  }

  // Where the predictions of all rows are made, row by row, and what comes there, both int64.
  struct Predictions {
    torch::Tensor places;  // in [rows * longest]
    torch::Tensor targets;
  };
  Predictions AllPredictions(torch::Device device) const;

 private:
  std::vector<RequestRow> rows_;
  size_t longest_ = 0;
};

}  // namespace elm
