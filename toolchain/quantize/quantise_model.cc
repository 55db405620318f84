#include "toolchain/quantize/quantise_model.h"

#include <algorithm>
#include <map>
#include <utility>

#include "toolchain/base/error.h"

namespace elm {
namespace {

// A tied head is also the embedding, whose errors enter the residual stream: this share of the mean
// moment stands for them, the same for all inputs.
constexpr double kEmbeddingShare = 0.1;

// How strongly corrected weights are held to the original ones, as a share of the mean moment.
// Between 0.1 and 3 the loss of stories3M hardly changes.
constexpr double kHold = 1.0;

// One level's residual streams before the layer in hand: [batches] of [windows, tokens, width].
struct LevelStreams {
  const Level* level;
  std::vector<torch::Tensor> rounded;  // in the model whose layers so far are rounded
  std::vector<torch::Tensor> exact;    // in the original model
};

// Second moments of what goes into one matrix, summed over tokens and levels.
struct InputMoments {
  explicit InputMoments(int64_t columns)
      : rounded(torch::zeros({columns, columns})), cross(torch::zeros({columns, columns})) {}

  // The same tokens in both models, [windows, tokens, kept columns].
  void Add(const torch::Tensor& rounded_input, const torch::Tensor& exact_input) {
    const torch::Tensor rows = rounded_input.flatten(0, 1);
    const int64_t kept = rows.size(1);
    rounded.narrow(0, 0, kept).narrow(1, 0, kept).addmm_(rows.t(), rows);
    cross.narrow(0, 0, kept).narrow(1, 0, kept).addmm_(exact_input.flatten(0, 1).t(), rows);
  }

  torch::Tensor rounded;  // X X^T of the inputs X in the rounded model
  torch::Tensor cross;    // Y X^T with the inputs Y in the original model
};

// The weights V that compute from the rounded model's inputs X what `weight` computes from the
// original ones Y: the least |W Y - V X|^2 + hold |V - W|^2.
torch::Tensor Corrected(const torch::Tensor& weight, const InputMoments& moments) {
  const torch::Tensor rounded = moments.rounded.to(torch::kFloat64);
  torch::Tensor held = rounded.clone();
  torch::Tensor diagonal = held.diagonal();
  const double mean = diagonal.mean().item<double>();
  if (!(mean > 0)) return weight;
  diagonal += kHold * mean;
  const torch::Tensor wide = weight.to(torch::kFloat64);
  const torch::Tensor missing = wide.matmul(moments.cross.to(torch::kFloat64) - rounded);
  const torch::Tensor change = torch::cholesky_solve(missing.t(), torch::linalg_cholesky(held)).t();
  return (wide + change).to(torch::kFloat32).contiguous();
}

// The moments of a layer's four different inputs.
class LayerMoments {
 public:
  explicit LayerMoments(const ModelConfig& config) {
    moments_.emplace(TensorRole::kQuery, config.width);
    moments_.emplace(TensorRole::kOutput, int64_t{config.query_heads} * config.head_dim);
    moments_.emplace(TensorRole::kGate, config.width);
    moments_.emplace(TensorRole::kDown, config.neurons);
  }

  // To watch the original model with, then the rounded one on the same tokens.
  InputObserver WatchExact() {
    return
        [this](size_t, TensorRole reader, const torch::Tensor& input) { exact_[reader] = input; };
  }
  InputObserver WatchRounded() {
    return [this](size_t, TensorRole reader, const torch::Tensor& input) {
      moments_.at(reader).Add(input, exact_.at(reader));
    };
  }

  const InputMoments& of(TensorRole role) const {
    if (role == TensorRole::kKey || role == TensorRole::kValue) {
      return moments_.at(TensorRole::kQuery);
    }
    return moments_.at(role == TensorRole::kUp ? TensorRole::kGate : role);
  }

 private:
  std::map<TensorRole, InputMoments> moments_;
  std::map<TensorRole, torch::Tensor> exact_;  // inputs of the tokens in hand
};

// At most `most` levels, spread evenly, the first and the last among them.
std::vector<LevelStreams> ChooseLevels(const LevelTable& table, size_t most) {
  const size_t count = table.levels.size();
  const size_t taken = std::clamp<size_t>(most, 1, count);
  std::vector<LevelStreams> levels;
  for (size_t i = 0; i < taken; ++i) {
    const size_t index = taken == 1 ? count - 1 : i * (count - 1) / (taken - 1);
    levels.push_back({&table.levels[index], {}, {}});
  }
  return levels;
}

class ModelQuantiser {
 public:
  ModelQuantiser(Llama& model, const LevelTable& levels, const std::vector<PlannedTensor>& tensors,
                 const QuantiseModelOptions& options)
      : model_(model),
        tensors_(tensors),
        options_(options),
        levels_(ChooseLevels(levels, options.most_levels)) {}

  QuantisedTensors Run(const TokenWindows& calibration,
                       const std::function<void(size_t, size_t)>& progress) {
    const torch::NoGradGuard no_grad;
    // An own embedding multiplies nothing: all its inputs count the same.
    const int64_t width = model_.config().width;
    if (!model_.config().tied_head) Round(TensorRole::kEmbedding, 0, torch::eye(width));
    Embed(calibration);
    const size_t layers = model_.layers.size();
    for (size_t layer = 0; layer < layers; ++layer) {
      RoundLayer(layer);
      if (progress) progress(layer + 1, layers + 1);
    }
    RoundHead();
    if (progress) progress(layers + 1, layers + 1);
    return std::move(result_);
  }

 private:
  void Embed(const TokenWindows& calibration) {
    for (size_t begin = 0; begin < calibration.count(); begin += options_.batch) {
      const size_t end = std::min(calibration.count(), begin + options_.batch);
      const torch::Tensor ids = WindowBatch(calibration, begin, end, torch::kCPU);
      const torch::Tensor rounded = model_.Embed(ids);
      const torch::Tensor exact = original_.Embed(ids);
      for (LevelStreams& level : levels_) {
        level.rounded.push_back(rounded);
        level.exact.push_back(exact);
      }
    }
  }

  void RoundLayer(size_t layer) {
    LayerMoments moments(model_.config());
    const InputObserver exact = moments.WatchExact();
    const InputObserver rounded = moments.WatchRounded();
    for (LevelStreams& level : levels_) {
      for (size_t i = 0; i < level.rounded.size(); ++i) {
        level.exact[i] = original_.RunLayers(level.exact[i], layer, layer + 1,
                                             {.level = level.level, .observer = &exact});
        model_.RunLayers(level.rounded[i], layer, layer + 1,
                         {.level = level.level, .observer = &rounded});
      }
    }
    for (const TensorRole role :
         {TensorRole::kQuery, TensorRole::kKey, TensorRole::kValue, TensorRole::kOutput,
          TensorRole::kGate, TensorRole::kUp, TensorRole::kDown}) {
      const PlannedTensor& tensor = PlanOf(role, layer);
      if (!IsQuantised(tensor.storage.type)) continue;
      torch::Tensor& weight = MatrixOf(model_, tensor.spec);
      weight = Corrected(weight, moments.of(role));
      Round(role, layer, moments.of(role).rounded);
    }
    for (LevelStreams& level : levels_) {
      for (torch::Tensor& stream : level.rounded) {
        stream = model_.RunLayers(stream, layer, layer + 1, {.level = level.level});
      }
    }
  }

  // Without a correction, which would also move a tied embedding away from what layers expect.
  void RoundHead() {
    const int64_t width = model_.config().width;
    torch::Tensor moment = torch::zeros({width, width});
    for (const LevelStreams& level : levels_) {
      for (const torch::Tensor& stream : level.rounded) {
        const torch::Tensor rows = model_.FinalNorm(stream).flatten(0, 1);
        moment.addmm_(rows.t(), rows);
      }
    }
    if (!model_.config().tied_head) return Round(TensorRole::kHead, 0, moment);
    moment.diagonal() += kEmbeddingShare * moment.diagonal().mean();
    Round(TensorRole::kEmbedding, 0, moment);
    model_.head = model_.embedding;
  }

  const PlannedTensor& PlanOf(TensorRole role, size_t layer) const {
    const auto tensor =
        std::find_if(tensors_.begin(), tensors_.end(), [&](const PlannedTensor& planned) {
          return planned.spec.role == role && planned.spec.layer == layer;
        });
    TORCH_CHECK(tensor != tensors_.end(), "the plan lacks a tensor");
    return *tensor;
  }

  void Round(TensorRole role, size_t layer, const torch::Tensor& moment) {
    const PlannedTensor& tensor = PlanOf(role, layer);
    if (!IsQuantised(tensor.storage.type)) return;
    torch::Tensor& weight = MatrixOf(model_, tensor.spec);
    QuantisedMatrix matrix = RoundCalibrated(
        tensor.storage.type, tensor.storage.layout.tile_columns, weight, moment, options_.rounding);
    weight = ToTensor(matrix);
    result_.emplace(tensor.spec.name, std::move(matrix));
  }

  Llama& model_;
  const Llama original_ = model_;
  const std::vector<PlannedTensor>& tensors_;
  const QuantiseModelOptions options_;
  std::vector<LevelStreams> levels_;
  QuantisedTensors result_;
};

}  // namespace

QuantisedTensors QuantiseModel(Llama& model, const LevelTable& levels,
                               const std::vector<PlannedTensor>& tensors,
                               const TokenWindows& calibration, const QuantiseModelOptions& options,
                               const std::function<void(size_t, size_t)>& progress) {
  return ModelQuantiser(model, levels, tensors, options).Run(calibration, progress);
}

}  // namespace elm
