#include "toolchain/quantize/calibrated_rounding.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "formats/base/dtype.h"
#include "toolchain/quantize/quantised_tensors.h"

namespace elm {
namespace {

// Rows that are rounded together, so that a row of the moment serves them all while it is in cache.
constexpr int64_t kRowBlock = 16;

float AsF16(float value) { return F16ToFloat(FloatToF16(value)); }

float CodeOf(WeightType type, float value, float scale) {
  if (scale == 0) return 0;
  return std::clamp(std::nearbyint(value / scale), static_cast<float>(LeastCode(type)),
                    static_cast<float>(GreatestCode(type)));
}

// The better of `best` and the scale that fits best the codes which `scale` gives, each column's
// error weighted by its moment.
void TryScale(WeightType type, std::span<const float> values, std::span<const float> moments,
              float scale, float& best, double& least) {
  for (int turn = 0; turn < 2 && scale != 0 && std::isfinite(scale); ++turn) {
    double dot = 0;
    double squares = 0;
    double error = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const float code = CodeOf(type, values[i], scale);
      const double difference = double{values[i]} - double{scale} * code;
      error += moments[i] * difference * difference;
      dot += double{moments[i]} * values[i] * code;
      squares += double{moments[i]} * code * code;
    }
    if (error < least) {
      least = error;
      best = scale;
    }
    if (squares == 0) return;
    scale = AsF16(static_cast<float>(dot / squares));
  }
}

// A group's scale with the least error if columns did not help each other.
float SearchScale(WeightType type, std::span<const float> values, std::span<const float> moments) {
  float extreme = 0;
  for (const float value : values) {
    if (std::fabs(value) > std::fabs(extreme)) extreme = value;
  }
  float best = 0;
  double least = std::numeric_limits<double>::infinity();
  // How far beyond the range's end the extreme value may lie, in steps of 2.5 %.
  for (int candidate = -12; candidate <= 16; ++candidate) {
    const float end =
        static_cast<float>(LeastCode(type)) * (1 + 0.025F * static_cast<float>(candidate));
    // The range's longer end may take the positive or the negative values: scales have a sign.
    TryScale(type, values, moments, AsF16(extreme / end), best, least);
    TryScale(type, values, moments, AsF16(-extreme / end), best, least);
  }
  return best;
}

class Rounder {
 public:
  Rounder(WeightType type, uint32_t group, const torch::Tensor& weight, const torch::Tensor& moment,
          const CalibratedRoundingOptions& options)
      : type_(type),
        passes_(options.passes),
        rows_(weight.size(0)),
        columns_(weight.size(1)),
        weight_(weight.contiguous()) {
    result_ = {.rows = static_cast<uint64_t>(rows_),
               .columns = static_cast<uint64_t>(columns_),
               .group = group,
               .codes = std::vector<int8_t>(static_cast<size_t>(rows_ * columns_)),
               .scales = {}};
    groups_ = static_cast<int64_t>(result_.groups());
    result_.scales.resize(static_cast<size_t>(rows_ * groups_));
    torch::Tensor damped = moment.to(torch::kFloat64).clone();
    torch::Tensor diagonal = damped.diagonal();
    // Text that never uses any input leaves nothing to damp with; then all inputs count the same.
    const double mean = diagonal.mean().item<double>();
    diagonal += mean > 0 ? options.damping * mean : 1.0;
    moment_ = damped.to(torch::kFloat32).contiguous();
    diagonal_ = moment_.diagonal().contiguous();
    OrderColumns();
    FindSpread(damped);
  }

  QuantisedMatrix Run() {
    const int64_t blocks = (rows_ + kRowBlock - 1) / kRowBlock;
    at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        const int64_t first = block * kRowBlock;
        RoundBlock(first, std::min(kRowBlock, rows_ - first));
      }
    });
    return std::move(result_);
  }

 private:
  // Some neighbouring rows while they are worked on.
  struct Block {
    int64_t rows;
    const float* original;      // [rows, columns]
    std::vector<float> codes;   // [rows, columns], whole numbers
    std::vector<float> scales;  // [rows, groups]
  };

  int64_t GroupOf(int64_t column) const { return column / result_.group; }
  int64_t GroupBegin(int64_t group) const { return group * result_.group; }
  int64_t GroupEnd(int64_t group) const { return std::min(columns_, GroupBegin(group + 1)); }

  // Columns with large moments first: their errors can still move into many others.
  void OrderColumns() {
    order_.resize(static_cast<size_t>(columns_));
    std::iota(order_.begin(), order_.end(), 0);
    const float* moments = diagonal_.data_ptr<float>();
    std::stable_sort(order_.begin(), order_.end(),
                     [moments](int64_t a, int64_t b) { return moments[a] > moments[b]; });
  }

  // spread_[i, k]: what a rounding error of 1 in the i-th column of the order takes from the k-th.
  void FindSpread(const torch::Tensor& damped) {
    const torch::Tensor index = torch::tensor(order_, torch::kInt64);
    const torch::Tensor ordered = damped.index_select(0, index).index_select(1, index);
    const torch::Tensor inverse = torch::cholesky_inverse(torch::linalg_cholesky(ordered));
    const torch::Tensor upper = torch::linalg_cholesky(inverse).t();
    spread_ = (upper / upper.diagonal().unsqueeze(1)).to(torch::kFloat32).contiguous();
  }

  void RoundBlock(int64_t first, int64_t rows) {
    Block block{rows, weight_.data_ptr<float>() + first * columns_, {}, {}};
    block.codes.resize(static_cast<size_t>(rows * columns_));
    block.scales.resize(static_cast<size_t>(rows * groups_));
    SearchScales(block);
    RoundColumns(block);
    Descend(block);
    for (int64_t i = 0; i < rows * columns_; ++i) {
      result_.codes[first * columns_ + i] = static_cast<int8_t>(block.codes[i]);
    }
    for (int64_t i = 0; i < rows * groups_; ++i) {
      result_.scales[first * groups_ + i] = FloatToF16(block.scales[i]);
    }
  }

  void SearchScales(Block& block) const {
    for (int64_t group = 0; group < groups_; ++group) {
      const int64_t begin = GroupBegin(group);
      const auto size = static_cast<size_t>(GroupEnd(group) - begin);
      const std::span<const float> moments(diagonal_.data_ptr<float>() + begin, size);
      for (int64_t r = 0; r < block.rows; ++r) {
        const std::span<const float> values(block.original + r * columns_ + begin, size);
        block.scales[r * groups_ + group] = SearchScale(type_, values, moments);
      }
    }
  }

  // GPTQ: column after column, each error moved into the columns to come.
  void RoundColumns(Block& block) const {
    std::vector<float> work(block.codes.size());  // [rows, columns in their order]
    for (int64_t r = 0; r < block.rows; ++r) {
      for (int64_t i = 0; i < columns_; ++i) {
        work[r * columns_ + i] = block.original[r * columns_ + order_[i]];
      }
    }
    for (int64_t i = 0; i < columns_; ++i) {
      const int64_t column = order_[i];
      const float* spread = spread_.data_ptr<float>() + i * columns_;
      for (int64_t r = 0; r < block.rows; ++r) {
        float* row = &work[r * columns_];
        const float scale = block.scales[r * groups_ + GroupOf(column)];
        const float code = CodeOf(type_, row[i], scale);
        block.codes[r * columns_ + column] = code;
        const float error = row[i] - code * scale;
        for (int64_t k = i + 1; k < columns_; ++k) row[k] -= error * spread[k];
      }
    }
  }

  // Coordinate descent on (w - q) H (w - q)^T: scale by scale, code by code.
  void Descend(Block& block) const {
    torch::Tensor error = torch::empty({block.rows, columns_});
    float* difference = error.data_ptr<float>();
    for (int64_t i = 0; i < block.rows * columns_; ++i) {
      const float scale = block.scales[i / columns_ * groups_ + GroupOf(i % columns_)];
      difference[i] = block.original[i] - block.codes[i] * scale;
    }
    torch::Tensor slopes = error.matmul(moment_);  // [rows, columns]: (w - q) H
    for (int pass = 0; pass < passes_; ++pass) {
      for (int64_t group = 0; group < groups_; ++group) {
        for (int64_t r = 0; r < block.rows; ++r) {
          float* slope = slopes.data_ptr<float>() + r * columns_;
          float* codes = &block.codes[r * columns_];
          float& scale = block.scales[r * groups_ + group];
          ImproveScale(group, codes, scale, slope);
          if (scale != 0) ImproveCodes(group, codes, scale, slope);
        }
      }
    }
  }

  // slope -= by * H[column].
  void Move(float by, int64_t column, float* slope) const {
    const float* moments = moment_.data_ptr<float>() + column * columns_;
    for (int64_t k = 0; k < columns_; ++k) slope[k] -= by * moments[k];
  }

  void ImproveScale(int64_t group, const float* codes, float& scale, float* slope) const {
    const int64_t begin = GroupBegin(group);
    const int64_t end = GroupEnd(group);
    double descent = 0;    // codes . slope
    double curvature = 0;  // codes H codes
    for (int64_t i = begin; i < end; ++i) {
      const float* moments = moment_.data_ptr<float>() + i * columns_;
      double sum = 0;
      for (int64_t k = begin; k < end; ++k) sum += double{moments[k]} * codes[k];
      descent += double{codes[i]} * slope[i];
      curvature += codes[i] * sum;
    }
    if (!(curvature > 0)) return;
    const float better = AsF16(scale + static_cast<float>(descent / curvature));
    if (better == scale || better == 0 || !std::isfinite(better)) return;
    for (int64_t i = begin; i < end; ++i) {
      if (codes[i] != 0) Move((better - scale) * codes[i], i, slope);
    }
    scale = better;
  }

  void ImproveCodes(int64_t group, float* codes, float scale, float* slope) const {
    const float* diagonal = diagonal_.data_ptr<float>();
    for (int64_t i = GroupBegin(group); i < GroupEnd(group); ++i) {
      const float better = CodeOf(type_, codes[i] * scale + slope[i] / diagonal[i], scale);
      if (better == codes[i]) continue;
      Move((better - codes[i]) * scale, i, slope);
      codes[i] = better;
    }
  }

  const WeightType type_;
  const int passes_;
  const int64_t rows_;
  const int64_t columns_;
  const torch::Tensor weight_;  // [rows, columns]
  torch::Tensor moment_;        // [columns, columns], damped
  torch::Tensor diagonal_;      // [columns]
  torch::Tensor spread_;        // [columns, columns] in the order of `order_`
  std::vector<int64_t> order_;
  int64_t groups_ = 0;
  QuantisedMatrix result_;
};

}  // namespace

QuantisedMatrix RoundCalibrated(WeightType type, uint32_t group, const torch::Tensor& weight,
                                const torch::Tensor& moment,
                                const CalibratedRoundingOptions& options) {
  return Rounder(type, group, weight, moment, options).Run();
}

double CalibratedError(const QuantisedMatrix& matrix, const torch::Tensor& weight,
                       const torch::Tensor& moment) {
  const torch::Tensor error = (weight - ToTensor(matrix)).to(torch::kFloat64);
  return (error.matmul(moment.to(torch::kFloat64)) * error).sum().item<double>();
}

}  // namespace elm
