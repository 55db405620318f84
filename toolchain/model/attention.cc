#include "toolchain/model/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace elm {
namespace {

// Scores that exist at once: 2 MiB in float32, which stay in a processor's own cache between their
// product, mask, softmax and product. Smaller blocks also see less of what a causal mask hides.
constexpr int64_t kCachedScores = int64_t{1} << 19;
// Queries per block below which matrix products no longer gain.
constexpr int64_t kLeastQueries = 32;
// Never more than this, 64 MiB.
constexpr int64_t kMaxScores = int64_t{1} << 24;

// Queries that are taken together when each has `scores` scores. A GPU has no such cache, but a
// price for every block.
int64_t QueriesPerBlock(int64_t scores, bool on_processor) {
  const int64_t most = std::max<int64_t>(1, kMaxScores / scores);
  if (!on_processor) return most;
  return std::min(most, std::max(kLeastQueries, kCachedScores / scores));
}

// What the queries [begin, end) must not see of the first `positions` keys, to broadcast against
// scores [batch, heads, end - begin, positions]; undefined when they see all.
torch::Tensor HiddenFrom(const torch::Tensor& visible, int64_t begin, int64_t end,
                         int64_t positions, torch::Device device) {
  if (visible.defined()) {
    return visible.slice(1, begin, end).slice(2, 0, positions).logical_not().unsqueeze(1);
  }
  if (end - begin == 1) return {};
  const auto options = torch::TensorOptions().dtype(torch::kBool).device(device);
  return torch::ones({end - begin, positions}, options).triu(positions - (end - begin) + 1);
}

// Queries [begin, end) of `query`, whose first query stands at position `past`.
torch::Tensor AttendBlock(const torch::Tensor& query, const torch::Tensor& key,
                          const torch::Tensor& value, const torch::Tensor& visible,
                          const torch::Tensor& key_bias, int64_t begin, int64_t end, int64_t past) {
  const int64_t positions = past + end;
  torch::Tensor scores =
      torch::matmul(query.slice(2, begin, end), key.slice(2, 0, positions).transpose(2, 3))
          .to(torch::kFloat32);
  const torch::Tensor hidden = HiddenFrom(visible, begin, end, positions, query.device());
  if (key_bias.defined()) {
    scores = scores + key_bias.slice(1, 0, positions).unsqueeze(1).unsqueeze(1);
  }
  if (hidden.defined()) scores.masked_fill_(hidden, -INFINITY);
  const torch::Tensor weights = torch::softmax(scores, -1).to(value.scalar_type());
  return torch::matmul(weights, value.slice(2, 0, positions));
}

// positions * theta^(-2 i / head_dim), float64 [..., head_dim / 2]. Made where the positions lie: a
// copy would have a GPU wait once in every pass.
torch::Tensor Angles(const torch::Tensor& positions, int64_t head_dim, double theta) {
  const auto options = torch::TensorOptions().dtype(torch::kFloat64).device(positions.device());
  const torch::Tensor exponents = torch::arange(0, head_dim, 2, options) / head_dim;
  return positions.to(torch::kFloat64).unsqueeze(-1) * torch::pow(theta, -exponents);
}

}  // namespace

Rotary::Rotary(int64_t begin, int64_t tokens, int64_t head_dim, double theta,
               torch::Device device) {
  const auto options = torch::TensorOptions().dtype(torch::kInt64).device(device);
  const torch::Tensor angles =
      Angles(torch::arange(begin, begin + tokens, options), head_dim, theta);
  cosine_ = angles.cos().to(torch::kFloat32);
  sine_ = angles.sin().to(torch::kFloat32);
}

Rotary::Rotary(const torch::Tensor& positions, int64_t head_dim, double theta) {
  const torch::Tensor angles = Angles(positions, head_dim, theta).unsqueeze(1);
  cosine_ = angles.cos().to(torch::kFloat32);
  sine_ = angles.sin().to(torch::kFloat32);
}

torch::Tensor Rotary::Apply(const torch::Tensor& heads) const {
  const std::vector<torch::Tensor> halves = heads.to(torch::kFloat32).chunk(2, -1);
  return torch::cat(
             {halves[0] * cosine_ - halves[1] * sine_, halves[1] * cosine_ + halves[0] * sine_}, -1)
      .to(heads.scalar_type());
}

torch::Tensor HeadIndex(std::span<const uint16_t> kv_of, torch::Device device) {
  const std::vector<int64_t> heads(kv_of.begin(), kv_of.end());
  // Without waiting for the device: there is one such copy for every layer of every pass.
  return torch::tensor(heads, torch::kInt64).to(device, torch::kInt64, /*non_blocking=*/true);
}

torch::Tensor CausalAttention(const torch::Tensor& query, const torch::Tensor& key,
                              const torch::Tensor& value, const torch::Tensor& visible,
                              const torch::Tensor& key_bias) {
  const int64_t tokens = query.size(2);
  const int64_t past = key.size(2) - tokens;
  const torch::Tensor scaled = query * (1.0 / std::sqrt(static_cast<double>(query.size(3))));
  const int64_t scores_per_query = query.size(0) * query.size(1) * key.size(2);
  const int64_t block = QueriesPerBlock(scores_per_query, query.is_cpu());
  std::vector<torch::Tensor> blocks;
  for (int64_t begin = 0; begin < tokens; begin += block) {
    const int64_t end = std::min(tokens, begin + block);
    blocks.push_back(AttendBlock(scaled, key, value, visible, key_bias, begin, end, past));
  }
  return blocks.size() == 1 ? blocks.front() : torch::cat(blocks, 2);
}

}  // namespace elm
