#include "toolchain/baselines/sparsity_predictor.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "formats/base/hash.h"
#include "toolchain/base/error.h"
#include "toolchain/recover/flat_tensors.h"
#include "toolchain/recover/recover_options.h"

namespace elm {
namespace {

namespace fs = std::filesystem;

constexpr double kLearningRate = 2e-3;
constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;
constexpr double kSaveSeconds = 60;
// The last part of the training, over which predictions are judged before they are learnt from.
constexpr double kJudgedPart = 0.1;

int64_t UnitsOf(const ModelConfig& config, size_t block) {
  return block % 2 == 0 ? config.kv_heads : config.neurons;
}

int64_t ActiveOf(const std::vector<ActiveUnits>& active, size_t block) {
  return block % 2 == 0 ? active[block / 2].groups : active[block / 2].neurons;
}

// What every block reads, and how much each of its units contributes, on one sequence.
struct BlockSample {
  torch::Tensor input;          // [tokens, width]
  torch::Tensor contributions;  // [tokens, units]
};

std::vector<BlockSample> Sample(const Llama& model, const TrainingExample& example) {
  const torch::NoGradGuard no_grad;
  const ModelConfig& config = model.config();
  std::vector<BlockSample> samples(2 * model.layers.size());
  const InputObserver observer = [&](size_t layer, TensorRole reader, const torch::Tensor& input) {
    const torch::Tensor rows = input.flatten(0, 1);
    BlockSample& attention = samples[2 * layer];
    BlockSample& mlp = samples[2 * layer + 1];
    if (reader == TensorRole::kQuery) attention.input = rows;
    if (reader == TensorRole::kGate) mlp.input = rows;
    if (reader == TensorRole::kOutput) {
      attention.contributions = GroupContributions(
          model.layers[layer], config, rows.unflatten(1, {-1, int64_t{config.head_dim}}));
    }
    if (reader == TensorRole::kDown) {
      mlp.contributions = NeuronContributions(model.layers[layer], rows);
    }
  };
  const torch::Tensor ids = torch::tensor(example.ids, torch::kInt64).unsqueeze(0);
  (void)model.RunLayers(model.Embed(ids.to(model.device())), 0, model.layers.size(),
                        {.observer = &observer});
  return samples;
}

// Adam's state of one level, and how its predictions do.
struct LevelState {
  torch::Tensor flat;
  torch::Tensor first_moment;
  torch::Tensor second_moment;
  double found[2] = {0, 0};  // sums over judged tokens and layers: of groups, of neurons
  double judged = 0;
};

class PredictorTraining {
 public:
  PredictorTraining(const BaselineInputs& inputs,
                    const std::vector<std::vector<ActiveUnits>>& active)
      : inputs_(inputs), active_(active), predictor_(inputs.model.config()) {
    for (size_t level = 0; level < active.size(); ++level) {
      const torch::Tensor flat =
          predictor_.Initial(active[level], inputs.seed + level).to(inputs.model.device());
      states_.push_back({flat, torch::zeros_like(flat), torch::zeros_like(flat)});
    }
  }

  std::vector<TrainedPredictor> Run() {
    Load();
    while (tokens_ < inputs_.tokens) {
      if (inputs_.progress) Progress();
      const TrainingExample example = inputs_.examples->Make(next_example_++);
      if (example.rows() > inputs_.model.config().context) continue;
      const auto rows = static_cast<uint64_t>(example.rows());
      const auto judged_from = (1 - kJudgedPart) * static_cast<double>(inputs_.tokens);
      Learn(Sample(inputs_.model, example), static_cast<double>(tokens_ + rows) >= judged_from);
      tokens_ += rows;
    }
    Save();
    std::vector<TrainedPredictor> trained;
    for (const LevelState& state : states_) {
      trained.push_back({state.flat, state.found[0] / state.judged, state.found[1] / state.judged});
    }
    return trained;
  }

 private:
  // Reports, and saves when that is cancelled or was long ago.
  void Progress() {
    try {
      inputs_.progress(std::min(tokens_, inputs_.tokens), inputs_.tokens);
    } catch (...) {
      Save();
      throw;
    }
    if (std::chrono::steady_clock::now() - saved_ > std::chrono::duration<double>(kSaveSeconds)) {
      Save();
    }
  }

  void Learn(const std::vector<BlockSample>& samples, bool judge) {
    const double done = static_cast<double>(tokens_) / static_cast<double>(inputs_.tokens);
    const double rate = RecoveryLearningRate(kLearningRate, done);
    ++updates_;
    for (size_t level = 0; level < states_.size(); ++level) {
      torch::Tensor gradient = torch::zeros_like(states_[level].flat);
      const auto blocks = predictor_.Leaves(states_[level].flat, gradient);
      torch::Tensor loss = torch::zeros({}, gradient.options());
      for (size_t block = 0; block < blocks.size(); ++block) {
        const int64_t active = ActiveOf(active_[level], block);
        const torch::Tensor wanted = TopGates(samples[block].contributions, active);
        const torch::Tensor logits = blocks[block].Logits(samples[block].input);
        loss = loss + torch::binary_cross_entropy_with_logits(logits, wanted);
        if (judge) Judge(states_[level], block, logits, wanted, active);
      }
      loss.backward();
      Move(states_[level], gradient, rate);
    }
  }

  void Judge(LevelState& state, size_t block, const torch::Tensor& logits,
             const torch::Tensor& wanted, int64_t active) {
    const torch::NoGradGuard no_grad;
    const auto tokens = static_cast<double>(wanted.size(0));
    const double hits = (TopGates(logits, active) * wanted).sum().item<double>();
    state.found[block % 2] += active == 0 ? tokens : hits / static_cast<double>(active);
    if (block % 2 == 0) state.judged += tokens;
  }

  void Move(LevelState& state, const torch::Tensor& gradient, double rate) const {
    const torch::NoGradGuard no_grad;
    const auto updates = static_cast<double>(updates_);
    state.first_moment.mul_(kBeta1).add_(gradient, 1 - kBeta1);
    state.second_moment.mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
    const double correction = std::sqrt(1 - std::pow(kBeta2, updates));
    const torch::Tensor scale = (state.second_moment.sqrt() / correction).add_(kEpsilon);
    state.flat.addcdiv_(state.first_moment, scale, -rate / (1 - std::pow(kBeta1, updates)));
  }

  // One file for each set of levels, data and length of training.
  std::string Path() const {
    std::string key = StrCat(inputs_.data_key, "/", inputs_.tokens, "/", inputs_.seed);
    for (const std::vector<ActiveUnits>& level : active_) {
      for (const ActiveUnits& layer : level)
        key = StrCat(key, " ", layer.groups, ",", layer.neurons);
    }
    return StrCat(inputs_.folder, "/predictors_", Hash64(std::as_bytes(std::span(key))),
                  ".safetensors");
  }

  void Save() {
    saved_ = std::chrono::steady_clock::now();
    FlatTensors file{{{"tokens", tokens_}, {"next_example", next_example_}, {"updates", updates_}},
                     {}};
    for (size_t level = 0; level < states_.size(); ++level) {
      const LevelState& state = states_[level];
      file.about["found"].push_back({state.found[0], state.found[1], state.judged});
      file.vectors[StrCat(level, ".predictor")] = state.flat;
      file.vectors[StrCat(level, ".first_moment")] = state.first_moment;
      file.vectors[StrCat(level, ".second_moment")] = state.second_moment;
    }
    fs::create_directories(inputs_.folder);
    SaveFlatTensors(Path(), file);
  }

  void Load() {
    const std::string path = Path();
    if (!fs::exists(path)) return;
    const FlatTensors file = LoadFlatTensors(path);
    try {
      tokens_ = file.about.at("tokens");
      next_example_ = file.about.at("next_example");
      updates_ = file.about.at("updates");
      for (size_t level = 0; level < states_.size(); ++level) {
        LevelState& state = states_[level];
        const nlohmann::json& found = file.about.at("found").at(level);
        state.found[0] = found.at(0);
        state.found[1] = found.at(1);
        state.judged = found.at(2);
        const auto read = [&](const char* what) {
          return FindVector(file, path, StrCat(level, what), predictor_.count())
              .to(inputs_.model.device())
              .clone();
        };
        state.flat = read(".predictor");
        state.first_moment = read(".first_moment");
        state.second_moment = read(".second_moment");
      }
    } catch (const nlohmann::json::exception&) {
      throw Error(Corruption(path, ": its header lacks the state of the training; delete it"));
    }
  }

  const BaselineInputs& inputs_;
  const std::vector<std::vector<ActiveUnits>>& active_;
  const SparsityPredictor predictor_;
  std::vector<LevelState> states_;  // [levels]
  uint64_t tokens_ = 0;
  uint64_t next_example_ = 0;
  int64_t updates_ = 0;
  std::chrono::steady_clock::time_point saved_ = std::chrono::steady_clock::now();
};

}  // namespace

SparsityPredictor::SparsityPredictor(const ModelConfig& config)
    : config_(config), rank_(std::max<int64_t>(8, config.width / 4)) {
  for (size_t block = 0; block < 2 * size_t{config.layers}; ++block) {
    count_ += rank_ * config.width + UnitsOf(config, block) * (rank_ + 1);
  }
}

std::vector<SparsityPredictor::Block> SparsityPredictor::View(const torch::Tensor& flat) const {
  std::vector<Block> blocks;
  int64_t offset = 0;
  const auto take = [&](int64_t size) {
    offset += size;
    return flat.narrow(0, offset - size, size);
  };
  for (size_t block = 0; block < 2 * size_t{config_.layers}; ++block) {
    const int64_t units = UnitsOf(config_, block);
    Block& matrices = blocks.emplace_back();
    matrices.down = take(rank_ * config_.width).view({rank_, int64_t{config_.width}});
    matrices.up = take(units * rank_).view({units, rank_});
    matrices.bias = take(units);
  }
  return blocks;
}

std::vector<SparsityPredictor::Block> SparsityPredictor::Leaves(
    const torch::Tensor& flat, const torch::Tensor& gradient) const {
  std::vector<Block> values = View(flat);
  std::vector<Block> gradients = View(gradient);
  for (size_t block = 0; block < values.size(); ++block) {
    for (torch::Tensor Block::*matrix : {&Block::down, &Block::up, &Block::bias}) {
      torch::Tensor leaf = (values[block].*matrix).detach().set_requires_grad(true);
      leaf.mutable_grad() = gradients[block].*matrix;
      values[block].*matrix = std::move(leaf);
    }
  }
  return values;
}

torch::Tensor SparsityPredictor::Initial(const std::vector<ActiveUnits>& active,
                                         uint64_t seed) const {
  const torch::NoGradGuard no_grad;
  torch::Generator generator = at::detail::createCPUGenerator(seed);
  torch::Tensor flat = torch::zeros({count_}, torch::kFloat32);
  std::vector<Block> blocks = View(flat);
  for (size_t block = 0; block < blocks.size(); ++block) {
    const auto units = static_cast<double>(UnitsOf(config_, block));
    const double odds = (static_cast<double>(ActiveOf(active, block)) + 0.5) / (units + 1);
    blocks[block].down.normal_(0, 1.0 / std::sqrt(static_cast<double>(config_.width)), generator);
    blocks[block].up.normal_(0, 1.0 / std::sqrt(static_cast<double>(rank_)), generator);
    blocks[block].bias.fill_(std::log(odds / (1 - odds)));
  }
  return flat;
}

torch::Tensor SparsityPredictor::Block::Logits(const torch::Tensor& x) const {
  return torch::linear(torch::relu(torch::linear(x, down)), up, bias);
}

std::vector<TrainedPredictor> TrainPredictors(const BaselineInputs& inputs,
                                              const std::vector<std::vector<ActiveUnits>>& active) {
  TORCH_CHECK(inputs.examples != nullptr && inputs.tokens > 0, "predictors learn from examples");
  return PredictorTraining(inputs, active).Run();
}

torch::Tensor PredictedGating::Heads(size_t layer, const torch::Tensor& input,
                                     const torch::Tensor&) const {
  return SpreadOverHeads(TopGates(blocks_[2 * layer].Logits(input), active_[layer].groups),
                         config_);
}

torch::Tensor PredictedGating::Neurons(size_t layer, const torch::Tensor& input,
                                       const torch::Tensor&) const {
  return TopGates(blocks_[2 * layer + 1].Logits(input), active_[layer].neurons);
}

}  // namespace elm
