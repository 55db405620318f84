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

// One level's residual streams before the layer in hand: [batches] of [windows, tokens, width].
struct LevelStreams {
  const Level* level;
  std::vector<torch::Tensor> streams;
};

// Second moments of what goes into a layer's matrices, summed over tokens and levels.
class LayerMoments {
 public:
  explicit LayerMoments(const ModelConfig& config) {
    const auto add = [this](TensorRole reader, int64_t columns) {
      sums_[reader] = torch::zeros({columns, columns});
    };
    add(TensorRole::kQuery, config.width);
    add(TensorRole::kOutput, int64_t{config.query_heads} * config.head_dim);
    add(TensorRole::kGate, config.width);
    add(TensorRole::kDown, config.neurons);
  }

  // `input` [windows, tokens, kept columns].
  void Add(TensorRole reader, const torch::Tensor& input) {
    const torch::Tensor rows = input.flatten(0, 1);
    const int64_t kept = rows.size(1);
    sums_.at(reader).narrow(0, 0, kept).narrow(1, 0, kept).addmm_(rows.t(), rows);
  }

  const torch::Tensor& of(TensorRole role) const {
    if (role == TensorRole::kKey || role == TensorRole::kValue) return sums_.at(TensorRole::kQuery);
    if (role == TensorRole::kUp) return sums_.at(TensorRole::kGate);
    return sums_.at(role);
  }

 private:
  std::map<TensorRole, torch::Tensor> sums_;
};

// At most `most` levels, spread evenly, the first and the last among them.
std::vector<LevelStreams> ChooseLevels(const LevelTable& table, size_t most) {
  const size_t count = table.levels.size();
  const size_t taken = std::clamp<size_t>(most, 1, count);
  std::vector<LevelStreams> levels;
  for (size_t i = 0; i < taken; ++i) {
    const size_t index = taken == 1 ? count - 1 : i * (count - 1) / (taken - 1);
    levels.push_back({&table.levels[index], {}});
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
      const torch::Tensor stream = model_.Embed(WindowBatch(calibration, begin, end, torch::kCPU));
      for (LevelStreams& level : levels_) level.streams.push_back(stream);
    }
  }

  void RoundLayer(size_t layer) {
    LayerMoments moments(model_.config());
    const InputObserver observer = [&](size_t, TensorRole reader, const torch::Tensor& input) {
      moments.Add(reader, input);
    };
    for (LevelStreams& level : levels_) {
      for (const torch::Tensor& stream : level.streams) {
        model_.RunLayers(stream, layer, layer + 1, {.level = level.level, .observer = &observer});
      }
    }
    for (const TensorRole role :
         {TensorRole::kQuery, TensorRole::kKey, TensorRole::kValue, TensorRole::kOutput,
          TensorRole::kGate, TensorRole::kUp, TensorRole::kDown}) {
      Round(role, layer, moments.of(role));
    }
    for (LevelStreams& level : levels_) {
      for (torch::Tensor& stream : level.streams) {
        stream = model_.RunLayers(stream, layer, layer + 1, {.level = level.level});
      }
    }
  }

  void RoundHead() {
    const int64_t width = model_.config().width;
    torch::Tensor moment = torch::zeros({width, width});
    for (const LevelStreams& level : levels_) {
      for (const torch::Tensor& stream : level.streams) {
        const torch::Tensor rows = model_.FinalNorm(stream).flatten(0, 1);
        moment.addmm_(rows.t(), rows);
      }
    }
    if (!model_.config().tied_head) return Round(TensorRole::kHead, 0, moment);
    moment.diagonal() += kEmbeddingShare * moment.diagonal().mean();
    Round(TensorRole::kEmbedding, 0, moment);
    model_.head = model_.embedding;
  }

  void Round(TensorRole role, size_t layer, const torch::Tensor& moment) {
    const auto tensor =
        std::find_if(tensors_.begin(), tensors_.end(), [&](const PlannedTensor& planned) {
          return planned.spec.role == role && planned.spec.layer == layer;
        });
    TORCH_CHECK(tensor != tensors_.end(), "the plan lacks a tensor");
    if (!IsQuantised(tensor->type)) return;
    torch::Tensor& weight = MatrixOf(model_, tensor->spec);
    QuantisedMatrix matrix = RoundCalibrated(tensor->type, tensor->layout.tile_columns, weight,
                                             moment, options_.rounding);
    weight = ToTensor(matrix);
    result_.emplace(tensor->spec.name, std::move(matrix));
  }

  Llama& model_;
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
