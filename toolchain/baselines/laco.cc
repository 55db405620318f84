// LaCo (Yang et al. 2024, arXiv 2402.11187): layer collapse.
//
// Merging layers l .. l + m adds the differences of the later ones to the first,
// W_l + sum over k of (W_(l+k) - W_l), and leaves the later ones out. From the rear to the front
// each such merge is tried; it stays when the model's output hidden states remain similar to the
// original's, by the mean cosine on the calibration, more than a threshold. The paper sets the
// threshold, how many layers are merged at once and how far apart by hand for each size of model;
// here several of each are run with the threshold lowered until enough layers have gone, and the
// result that stayed most similar is taken.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "toolchain/base/error.h"
#include "toolchain/baselines/baseline.h"
#include "toolchain/baselines/stream_similarity.h"
#include "toolchain/profile/batches.h"

namespace elm {
namespace {

// Layers that a merge takes together (4 and 6 in the paper, for 32 and 40 layers), and how far the
// next one stays away (2).
struct Settings {
  size_t together;
  size_t interval;
};
constexpr Settings kSettings[] = {{2, 1}, {2, 2}, {3, 1}, {3, 2}, {4, 1}, {4, 2}};
constexpr double kThresholdStep = 0.05;
// The paper judges on ten sentences.
constexpr size_t kWindows = 16;

// A layer as a sum of original ones.
struct MergedLayer {
  uint32_t place;                 // where it stands in the original
  std::vector<int> coefficients;  // [original layers]

  auto operator<=>(const MergedLayer&) const = default;
};
using Collapsed = std::vector<MergedLayer>;

Collapsed Whole(size_t layers) {
  Collapsed whole;
  for (uint32_t layer = 0; layer < layers; ++layer) {
    whole.push_back({layer, std::vector<int>(layers)});
    whole.back().coefficients[layer] = 1;
  }
  return whole;
}

// Layers `at` + 1 .. `at` + `more` merged into layer `at`.
Collapsed Merge(const Collapsed& model, size_t at, size_t more) {
  Collapsed merged = model;
  for (size_t later = at + 1; later <= at + more; ++later) {
    for (size_t i = 0; i < merged[at].coefficients.size(); ++i) {
      merged[at].coefficients[i] += model[later].coefficients[i] - model[at].coefficients[i];
    }
  }
  const auto begin = merged.begin() + static_cast<ptrdiff_t>(at) + 1;
  merged.erase(begin, begin + static_cast<ptrdiff_t>(more));
  return merged;
}

std::vector<torch::Tensor*> Tensors(LlamaLayer& layer) {
  return {&layer.attention_norm, &layer.query, &layer.key, &layer.value, &layer.output,
          &layer.mlp_norm,       &layer.gate,  &layer.up,  &layer.down};
}

// The weights of a merged layer.
LlamaLayer Weights(const Llama& model, const MergedLayer& merged) {
  LlamaLayer result = model.layers[merged.place];
  if (merged == Whole(model.layers.size())[merged.place]) return result;
  for (torch::Tensor* tensor : Tensors(result)) *tensor = torch::zeros_like(*tensor);
  for (size_t i = 0; i < merged.coefficients.size(); ++i) {
    if (merged.coefficients[i] == 0) continue;
    LlamaLayer part = model.layers[i];
    const std::vector<torch::Tensor*> to = Tensors(result);
    const std::vector<torch::Tensor*> from = Tensors(part);
    for (size_t t = 0; t < to.size(); ++t) to[t]->add_(*from[t], merged.coefficients[i]);
  }
  return result;
}

class LayerCollapse {
 public:
  explicit LayerCollapse(const BaselineInputs& inputs) : inputs_(inputs), scratch_(inputs.model) {
    ForEachBatch(inputs.model, inputs.calibration, 0,
                 std::min(kWindows, inputs.calibration.count()), inputs.batch, inputs.progress,
                 [this](const torch::Tensor& ids) {
                   ids_.push_back(ids);
                   expected_.push_back(inputs_.model.Hidden(ids));
                   tokens_ += static_cast<double>(ids.numel());
                 });
  }

  // The most similar model of `layers` layers that any settings lead to.
  Collapsed To(size_t layers) {
    std::optional<Collapsed> best;
    for (const Settings& settings : kSettings) {
      std::optional<Collapsed> found = LowerUntil(settings, layers);
      if (!found) continue;
      if (!best || SimilarityOf(*found) > SimilarityOf(*best)) best = std::move(found);
    }
    TORCH_CHECK(best.has_value(), "merging two layers at a time reaches every count");
    return *std::move(best);
  }

 private:
  // With the highest threshold that leads to `layers` layers; nothing when none does.
  std::optional<Collapsed> LowerUntil(const Settings& settings, size_t layers) {
    for (int step = 1; step * kThresholdStep <= 2 + kThresholdStep; ++step) {
      Collapsed found = Collapse(settings, 1 - step * kThresholdStep, layers);
      if (found.size() == layers) return found;
    }
    return std::nullopt;
  }

  // One walk from the rear to the front, over when `layers` layers are left.
  Collapsed Collapse(const Settings& settings, double threshold, size_t layers) {
    Collapsed model = Whole(inputs_.model.layers.size());
    size_t at = model.size() - std::min(settings.together, model.size());
    while (model.size() > layers) {
      const size_t more = std::min(settings.together - 1, model.size() - 1 - at);
      size_t step = 1;
      if (more > 0 && model.size() - more >= layers) {
        Collapsed candidate = Merge(model, at, more);
        if (SimilarityOf(candidate) > threshold) {
          model = std::move(candidate);
          step = settings.interval;
        }
      }
      if (at < step) break;
      at = std::min(at - step, model.size() - std::min(settings.together, model.size()));
    }
    return model;
  }

  // Mean cosine of the hidden states behind the last layer, with the original's.
  double SimilarityOf(const Collapsed& model) {
    const auto known = similarities_.find(model);
    if (known != similarities_.end()) return known->second;
    std::vector<LlamaLayer> layers;
    for (const MergedLayer& layer : model) layers.push_back(Weights(inputs_.model, layer));
    double sum = 0;
    for (size_t batch = 0; batch < ids_.size(); ++batch) {
      if (inputs_.progress) inputs_.progress(batch, ids_.size());
      torch::Tensor stream = scratch_.Embed(ids_[batch]);
      for (const LlamaLayer& layer : layers) {
        scratch_.layers[0] = layer;
        stream = scratch_.RunLayers(std::move(stream), 0, 1);
      }
      sum += SumOfCosines(scratch_.FinalNorm(stream), expected_[batch]);
    }
    return similarities_[model] = sum / tokens_;
  }

  const BaselineInputs& inputs_;
  Llama scratch_;  // its layer 0 takes the place of each layer in turn
  std::vector<torch::Tensor> ids_;
  std::vector<torch::Tensor> expected_;
  double tokens_ = 0;
  std::map<Collapsed, double> similarities_;
};

// How many whole layers come closest to a share: at least one, and not all; of two equally far
// counts the larger.
size_t LayersFor(uint32_t name, size_t layers) {
  const double exact = name / 1000.0 * static_cast<double>(layers);
  return std::clamp<size_t>(static_cast<size_t>(std::floor(exact + 0.5 + 1e-9)), 1, layers - 1);
}

// "0+1+2, 3+4": which layers became one.
std::string MergedText(const Collapsed& model, size_t layers) {
  std::string text;
  for (size_t i = 0; i < model.size(); ++i) {
    const size_t end = i + 1 < model.size() ? model[i + 1].place : layers;
    if (end - model[i].place == 1) continue;
    text += StrCat(text.empty() ? "" : ", ", model[i].place, " to ", end - 1);
  }
  return text;
}

}  // namespace

std::vector<PrunedModel> MergeLayers(const BaselineInputs& inputs) {
  const torch::NoGradGuard no_grad;
  const ModelConfig& config = inputs.model.config();
  if (config.layers < 2) throw Error(InvalidArgument("a model of one layer has none to merge"));
  LayerCollapse collapse(inputs);
  const LayerSlice whole = FullLevelOnly(config).full().layers.front();
  std::vector<PrunedModel> models;
  size_t last_layers = 0;
  for (const uint32_t name : inputs.names) {
    const size_t layers = LayersFor(name, config.layers);
    const Collapsed collapsed = collapse.To(layers);
    if (layers != last_layers) {
      models.push_back({.model = inputs.model, .levels = {}, .merged = true});
    }
    last_layers = layers;
    Level level{name, std::vector<LayerSlice>(config.layers)};
    for (const MergedLayer& layer : collapsed) {
      models.back().model.layers[layer.place] = Weights(inputs.model, layer);
      level.layers[layer.place] = whole;
    }
    const double share = TrueShare(config, level);
    models.back().levels.push_back(
        {.level = std::move(level),
         .share = share,
         .note = StrCat("layers merged: ", MergedText(collapsed, config.layers))});
  }
  return models;
}

}  // namespace elm
