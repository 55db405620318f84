#include "toolchain/pretrain/copy_circuit.h"

#include <algorithm>
#include <cmath>

namespace elm {
namespace {

// Gains, chosen by how fast a model of a million weights learns to repeat blocks of random pieces.
constexpr double kConstant = 4;       // the constant column, in deviations of the embedding
constexpr double kPositionGain = 5;   // how sharply a head looks one token back
constexpr double kPreviousGain = 3;   // how loudly it says what stands there
constexpr double kMatchGain = 3;      // how sharply a head looks for the present token
constexpr double kContinueGain = 10;  // how loudly it says what follows

// `columns` orthonormal columns, [rows, columns].
torch::Tensor Orthonormal(int64_t rows, int64_t columns, torch::Generator& generator) {
  return std::get<0>(torch::linalg_qr(torch::randn({rows, columns}, generator, torch::kFloat32)));
}

// The rows of one layer's matrices that belong to single heads.
class Heads {
 public:
  Heads(const ModelConfig& config, const AttentionWeights& weights)
      : config_(config), weights_(weights) {}

  int64_t group() const { return config_.queries_per_kv(); }
  // [head_dim, width].
  torch::Tensor Query(int64_t head) const { return Rows(head); }
  torch::Tensor Key(int64_t kv_head) const { return Rows(config_.query_heads + kv_head); }
  torch::Tensor Value(int64_t kv_head) const {
    return Rows(config_.query_heads + config_.kv_heads + kv_head);
  }
  // [width, head_dim].
  torch::Tensor Output(int64_t head) const {
    return weights_.output.narrow(1, head * config_.head_dim, config_.head_dim);
  }

 private:
  torch::Tensor Rows(int64_t head) const {
    return weights_.query_key_value.narrow(0, head * config_.head_dim, config_.head_dim);
  }

  const ModelConfig& config_;
  const AttentionWeights& weights_;
};

// Query and key are constants: under rotation by the position p their product is a sum of
// cos(theta_i (p - p' - 1)), highest for the token before.
void LookOneBack(const ModelConfig& config, const Heads& heads, int64_t kv_head) {
  const double shown = kConstant / std::sqrt(1 + kConstant * kConstant / config.width);
  const double gain = kPositionGain / shown;
  const int64_t half = config.head_dim / 2;
  const int64_t constant = config.width - 1;
  const int64_t begin = kv_head * heads.group();
  const int64_t end = begin + heads.group();
  heads.Key(kv_head).zero_();
  for (int64_t head = begin; head < end; ++head) heads.Query(head).zero_();
  for (int64_t i = 0; i < half; ++i) {
    const double theta =
        std::pow(config.rope_theta, -2.0 * static_cast<double>(i) / config.head_dim);
    heads.Key(kv_head)[i][constant] = gain * std::cos(theta);
    heads.Key(kv_head)[i + half][constant] = gain * std::sin(theta);
    for (int64_t head = begin; head < end; ++head) heads.Query(head)[i][constant] = gain;
  }
}

}  // namespace

void WireCopyCircuit(const ModelConfig& config, double embedding_deviation, torch::Tensor embedding,
                     AttentionWeights layer0, AttentionWeights layer1,
                     torch::Generator& generator) {
  torch::NoGradGuard no_grad;
  const int64_t width = config.width;
  const int64_t head_dim = config.head_dim;
  // What follows is copied through as many directions as all heads of a layer have, what stands
  // before is named in half as many.
  const int64_t matching = config.kv_heads;
  const int64_t looking = std::max<int64_t>(1, matching / 2);
  if (config.layers < 2 || width <= matching * head_dim) return;
  const Heads first(config, layer0);
  const Heads second(config, layer1);
  const auto group = static_cast<double>(first.group());
  embedding.select(1, width - 1).fill_(kConstant * embedding_deviation);

  // What heads say of the token before goes from `reading` into `writing`, where the next layer's
  // keys find it.
  torch::Tensor reading = torch::zeros({looking * head_dim, width});
  reading.narrow(1, 0, width - 1).copy_(Orthonormal(width - 1, looking * head_dim, generator).t());
  const torch::Tensor writing = Orthonormal(width, looking * head_dim, generator);
  const auto rows = [&](int64_t i) { return reading.narrow(0, i * head_dim, head_dim); };
  const auto columns = [&](const torch::Tensor& directions, int64_t i) {
    return directions.narrow(1, i * head_dim, head_dim);
  };
  for (int64_t kv_head = 0; kv_head < looking; ++kv_head) {
    LookOneBack(config, first, kv_head);
    first.Value(kv_head).copy_(rows(kv_head));
    for (int64_t i = 0; i < first.group(); ++i) {
      first.Output(kv_head * first.group() + i)
          .copy_(columns(writing, kv_head) * (kPreviousGain * embedding_deviation / group));
    }
  }

  const torch::Tensor copied = Orthonormal(width, matching * head_dim, generator);
  for (int64_t kv_head = 0; kv_head < matching; ++kv_head) {
    second.Key(kv_head).copy_(columns(writing, kv_head % looking).t() * kMatchGain);
    second.Value(kv_head).copy_(columns(copied, kv_head).t());
    for (int64_t i = 0; i < second.group(); ++i) {
      const int64_t head = kv_head * second.group() + i;
      second.Query(head).copy_(rows(kv_head % looking) * kMatchGain);
      second.Output(head).copy_(columns(copied, kv_head) *
                                (kContinueGain * embedding_deviation / group));
    }
  }
}

}  // namespace elm
