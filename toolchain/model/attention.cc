#include "toolchain/model/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace elm {
namespace {

// Scores that exist at once: 64 MiB in float32. Blocks below that size gain nothing.
constexpr int64_t kMaxScores = int64_t{1} << 24;

// Queries [begin, end) of `query`, whose first query stands at position `past`.
torch::Tensor AttendBlock(const torch::Tensor& query, const torch::Tensor& key,
                          const torch::Tensor& value, int64_t begin, int64_t end, int64_t past) {
  const int64_t visible = past + end;
  torch::Tensor scores =
      torch::matmul(query.slice(2, begin, end), key.slice(2, 0, visible).transpose(2, 3))
          .to(torch::kFloat32);
  if (end - begin > 1) {
    const auto options = torch::TensorOptions().dtype(torch::kBool).device(query.device());
    const torch::Tensor future =
        torch::ones({end - begin, visible}, options).triu(past + begin + 1);
    scores = scores.masked_fill(future, -INFINITY);
  }
  const torch::Tensor weights = torch::softmax(scores, -1).to(value.scalar_type());
  return torch::matmul(weights, value.slice(2, 0, visible));
}

}  // namespace

Rotary::Rotary(int64_t begin, int64_t tokens, int64_t head_dim, double theta,
               torch::Device device) {
  const torch::Tensor exponents = torch::arange(0, head_dim, 2, torch::kFloat64) / head_dim;
  const torch::Tensor positions = torch::arange(begin, begin + tokens, torch::kFloat64);
  const torch::Tensor angles = torch::outer(positions, torch::pow(theta, -exponents));
  cosine_ = angles.cos().to(torch::kFloat32).to(device);
  sine_ = angles.sin().to(torch::kFloat32).to(device);
}

torch::Tensor Rotary::Apply(const torch::Tensor& heads) const {
  const std::vector<torch::Tensor> halves = heads.to(torch::kFloat32).chunk(2, -1);
  return torch::cat(
             {halves[0] * cosine_ - halves[1] * sine_, halves[1] * cosine_ + halves[0] * sine_}, -1)
      .to(heads.scalar_type());
}

torch::Tensor CausalAttention(const torch::Tensor& query, const torch::Tensor& key,
                              const torch::Tensor& value) {
  const int64_t tokens = query.size(2);
  const int64_t past = key.size(2) - tokens;
  const torch::Tensor scaled = query * (1.0 / std::sqrt(static_cast<double>(query.size(3))));
  const int64_t scores_per_query = query.size(0) * query.size(1) * key.size(2);
  const int64_t block = std::max<int64_t>(1, kMaxScores / scores_per_query);
  std::vector<torch::Tensor> blocks;
  for (int64_t begin = 0; begin < tokens; begin += block) {
    const int64_t end = std::min(tokens, begin + block);
    blocks.push_back(AttendBlock(scaled, key, value, begin, end, past));
  }
  return blocks.size() == 1 ? blocks.front() : torch::cat(blocks, 2);
}

}  // namespace elm
