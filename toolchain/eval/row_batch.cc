#include "toolchain/eval/row_batch.h"

#include <algorithm>
#include <utility>

namespace elm {

RowBatch::RowBatch(std::vector<RequestRow> rows) : rows_(std::move(rows)) {
  for (const RequestRow& row : rows_) longest_ = std::max(longest_, row.ids.size());
}

torch::Tensor RowBatch::Ids() const {
  torch::Tensor ids = torch::zeros(
      {static_cast<int64_t>(rows_.size()), static_cast<int64_t>(longest_)}, torch::kInt64);
  for (size_t row = 0; row < rows_.size(); ++row) {
    std::copy(rows_[row].ids.begin(), rows_[row].ids.end(),
              ids.data_ptr<int64_t>() + row * longest_);
  }
  return ids;
}

TokenTree RowBatch::Tree(torch::Device device) const {
  std::vector<std::vector<int64_t>> parents;
  for (const RequestRow& row : rows_) parents.push_back(row.parents);
  return MakeTokenTree(parents, device);
}

RowBatch::Predictions RowBatch::AllPredictions(torch::Device device) const {
  std::vector<int64_t> places;
  std::vector<int64_t> targets;
  for (size_t row = 0; row < rows_.size(); ++row) {
    for (const auto& [place, id] : rows_[row].predictions) {
      places.push_back(Flat(row, place));
      targets.push_back(id);
    }
  }
  return {torch::tensor(places, torch::kInt64).to(device),
          torch::tensor(targets, torch::kInt64).to(device)};
}

}  // namespace elm
