#include "toolchain/pipeline/estimate.h"

#include <algorithm>
#include <cmath>

#include "formats/elm/adapter_plan.h"
#include "formats/elm/bundle_writer.h"
#include "formats/model/level_table.h"
#include "formats/workspace/scores.h"
#include "toolchain/base/error.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/profile/profile_memory.h"
#include "toolchain/recover/probe.h"

namespace elm {
namespace {

// Of the rate of plain products, what LibTorch's forward and backward passes reach, norms, gates
// and softmax included: assumed; `layer_benchmark` measures it.
constexpr double kPassEfficiency = 0.6;
// On a GPU nothing is fused and every operation is a launch of its own: assumed, not measured.
constexpr double kGpuEfficiency = 0.4;
// Reading, converting and writing weights.
constexpr double kDiskBytesPerSecond = 3e8;
// The runtime on one thread in float32, and LibTorch beside it.
constexpr double kVerifyProductsPerSecond = 5e9;
// The tiny LM: questions come from so many sets, of so many tokens each; a question is asked at all
// prompt levels, 5.5 times its tokens.
constexpr double kFamilies = 6;
constexpr double kQuestionTokens = 300;
constexpr double kPromptLevels = 5.5;
// As choose_plan.cc has it.
constexpr uint64_t kBlockWindows = 16;
constexpr double kCutsPerLayer = 9;
constexpr double kProbedLevels = 2;
// Reorder compares the logits of so many windows.
constexpr uint64_t kReorderedWindows = 4;
// Logits that exist at once, and what a forward pass holds beside: toolchain/model/token_loss.cc.
constexpr uint64_t kLogitBytes = uint64_t{3} << 25;

// Training by the fused kernels loses little in wide layers: 49 % of plain products at width 256,
// 80 at 2048, 94 at 4096 (docs/recovery.md).
double TrainingEfficiency(const RunShape& shape) {
  if (!shape.on_cpu()) return kGpuEfficiency;
  const double doublings = std::log2(static_cast<double>(shape.config.width) / 256);
  return std::clamp(0.49 + 0.11 * doublings, 0.4, 0.92);
}

double PassEfficiency(const RunShape& shape) {
  return shape.on_cpu() ? kPassEfficiency : kGpuEfficiency;
}

// A level as if every layer kept its share of all units.
Level EvenLevel(const ModelConfig& config, uint32_t name) {
  const auto part = [name](uint32_t units) {
    return static_cast<uint32_t>((uint64_t{units} * name + 999) / 1000);
  };
  const LayerSlice slice{part(config.query_heads), part(config.kv_heads), part(config.neurons)};
  return {name, std::vector<LayerSlice>(config.layers, slice)};
}

// Those that get an adapter.
std::vector<Level> AdaptedLevels(const RunShape& shape) {
  std::vector<Level> levels;
  if (shape.options.recover.recovery == Recovery::kNone) return levels;
  for (const uint32_t name : shape.options.levels) {
    if (name != 1000) levels.push_back(EvenLevel(shape.config, name));
  }
  return levels;
}

double SumOfShares(const RunShape& shape, bool with_full) {
  double sum = 0;
  for (const uint32_t name : shape.options.levels) {
    if (name != 1000 || with_full) sum += name / 1000.0;
  }
  return sum;
}

// Multiplications of the stages, and what they are made of.
class Work {
 public:
  explicit Work(const RunShape& shape)
      : shape_(shape),
        layers_(static_cast<double>(shape.layer_weights())),
        head_(static_cast<double>(shape.vocabulary_weights())),
        depth_(shape.config.layers) {}

  double Forward(double share = 1) const { return layers_ * share + head_; }
  double calibration() const {
    return 1.0 * shape_.options.calibration_windows * shape_.options.window_tokens;
  }
  double held_out() const {
    return 1.0 * shape_.options.held_out_windows * shape_.options.window_tokens;
  }
  double window() const { return shape_.options.window_tokens; }

  double Profile() const {
    // Gates: a pass forward and one back to the activations. Layers: half a pass for each, since
    // the layers before the skipped one run once for all.
    double products = 2 * Forward() + depth_ * (layers_ / 2 + head_) + Forward();
    if (shape_.options.weight_gradient) products += 3 * Forward();
    if (shape_.options.exact_heads) {
      products += Forward() * depth_ * (shape_.config.query_heads + shape_.config.kv_heads) / 2;
    }
    return calibration() * products;
  }

  double Plan() const {
    const PrepareOptions& options = shape_.options;
    const bool grouped = shape_.config.kv_heads != shape_.config.query_heads;
    const double policies = options.policy || !grouped ? 1 : 2;
    const double metrics = options.metric ? 1 : options.weight_gradient ? 4 : 3;
    const bool all = !options.allocation && !options.anchors;
    const double candidates = policies * metrics + (all ? 2 : 0);
    const double levels = static_cast<double>(options.levels.size());
    double each = held_out() * (layers_ * SumOfShares(shape_, true) + levels * head_);
    double training = 0;
    if (candidates > 1 && options.recover.recovery != Recovery::kNone) {
      const double tokens =
          1.0 * kProbeUpdates * options.recover.batch_tokens * options.recover.accumulate;
      const double share = SumOfShares(shape_, false) / std::max(1.0, levels - 1);
      training =
          candidates * tokens * (layers_ + kProbedLevels * (2 * layers_ * share + 3 * head_));
    }
    double blocks = 0;
    if (all || options.allocation.value_or(Allocation::kUniform) != Allocation::kUniform) {
      const double tokens =
          std::min(1.0 * kBlockWindows, 1.0 * options.calibration_windows) * window();
      blocks = tokens * kCutsPerLayer * (layers_ * (depth_ + 1) / 2 + depth_ * head_);
    }
    return candidates * each + blocks +
           training * PassEfficiency(shape_) / TrainingEfficiency(shape_);
  }

  double Reorder() const { return 2 * kReorderedWindows * window() * Forward(); }

  // One teacher for all levels; of each a pass forward and one back to the activations.
  double Recover() const {
    const RecoverOptions& options = shape_.options.recover;
    if (options.recovery == Recovery::kNone) return 0;
    const double levels = static_cast<double>(AdaptedLevels(shape_).size());
    const double shares = SumOfShares(shape_, false);
    const double training =
        static_cast<double>(options.tokens) * (layers_ + 2 * layers_ * shares + 3 * levels * head_);
    const double measuring =
        (options.validations + 2.0) * held_out() * (layers_ * (1 + shares) + 2 * levels * head_);
    return training + measuring;
  }

  // Every question at every pair of levels; the words of some weighed by the full model, forward
  // and back.
  double Tlm() const {
    if (!WantsTlm(shape_.options)) return 0;
    const TlmOptions& options = shape_.options.tlm;
    const double questions = 1.0 * options.label_tasks + options.validation_tasks;
    const double levels = static_cast<double>(shape_.options.levels.size());
    double products = questions * kFamilies * kQuestionTokens * kPromptLevels *
                      (layers_ * SumOfShares(shape_, true) + levels * head_);
    if (!options.keep_scores) {
      products += 1.0 * options.score_tasks * kFamilies * kQuestionTokens * 3 * Forward();
    }
    return products;
  }

 private:
  const RunShape& shape_;
  double layers_;
  double head_;
  double depth_;
};

// Bytes beside the model that one batch of windows takes in a forward pass without gradients.
uint64_t PassBytes(const RunShape& shape) {
  const ModelConfig& config = shape.config;
  const uint64_t positions = uint64_t{shape.options.batch} * shape.options.window_tokens;
  const uint64_t layer = 6 * config.width + 4 * config.query_width() + 4 * config.neurons;
  return positions * layer * 4 + kLogitBytes;
}

// The largest tensor in float32, as it is read, reordered and laid out.
uint64_t TensorBytes(const RunShape& shape) {
  const uint64_t matrix = uint64_t{shape.config.neurons} * shape.config.width;
  return 3 * 4 * std::max(matrix, shape.vocabulary_weights());
}

}  // namespace

uint64_t EstimateBundleBytes(const RunShape& shape) {
  BundleContents contents;
  contents.config = shape.config;
  contents.levels = FullLevelOnly(shape.config);
  contents.weights = shape.weights;
  contents.vocabulary = shape.vocabulary;
  contents.group = shape.options.group;
  contents.tokenizer_model = std::string(shape.tokenizer_bytes, ' ');
  uint64_t bytes = ValueOrThrow(BundleFileSize(contents));
  for (const Level& level : AdaptedLevels(shape)) {
    bytes += PlanAdapter(shape.config, level, shape.options.recover.rank).size;
  }
  return bytes;
}

uint64_t EstimateWorkspaceBytes(const RunShape& shape) {
  const ModelConfig& config = shape.config;
  const PrepareOptions& options = shape.options;
  const uint64_t units =
      uint64_t{config.layers} * (config.query_heads + config.kv_heads + config.neurons);
  const uint64_t windows = uint64_t{options.calibration_windows} + options.held_out_windows;
  // Scores once per part while profiling and once merged, 8 bytes each; the plan's indices; the
  // ids; adapters, with values, the best, and two moments while they are trained.
  uint64_t bytes = units * 8 * kScoreMetrics * 2 + units * 4 + windows * options.window_tokens * 4;
  for (const Level& level : AdaptedLevels(shape)) {
    bytes += PlanAdapter(config, level, options.recover.rank).size / 2 * 4 * 4;
  }
  return bytes;
}

RecoverMemory EstimateRecovery(const RunShape& shape, bool checkpoint_layers) {
  RecoverOptions options = RecoverOptionsOf(shape.options);
  if (options.recovery == Recovery::kNone) return {};
  options = Resolve(options, shape.config);
  options.checkpoint_layers = checkpoint_layers;
  const bool fused = shape.on_cpu() && options.dtype == "bfloat16";
  return EstimateRecoverMemory(
      shape.config, AdaptedLevels(shape), options,
      {.model_element = shape.element(),
       .fused = fused,
       .workers = RecoverWorkers(shape.config, shape.on_cpu(), ThreadsOrAll(options.threads))});
}

std::vector<StageEstimate> EstimateStages(const RunShape& shape, const MachineSpeed& speed) {
  const PrepareOptions& options = shape.options;
  const Work work(shape);
  const uint64_t model = shape.all_weights() * shape.element();
  const uint64_t float32_model = shape.all_weights() * 4;
  const double rate = speed.products_per_second * PassEfficiency(shape);
  const auto weights = static_cast<double>(shape.all_weights());
  const auto converted = weights * static_cast<double>(shape.checkpoint_element);
  const RecoverMemory recovery = EstimateRecovery(shape, options.recover.checkpoint_layers);
  // Only where plans are probed by a short recovery; of two levels at a time.
  const bool probes = options.recover.recovery != Recovery::kNone;

  std::vector<StageEstimate> stages;
  const auto add = [&](const char* stage, uint64_t bytes, double seconds, bool on_device = true) {
    StageEstimate estimate{.stage = stage, .seconds = seconds};
    (on_device && !shape.on_cpu() ? estimate.device_bytes : estimate.host_bytes) = bytes;
    stages.push_back(estimate);
  };
  double import = converted / kDiskBytesPerSecond + work.held_out() * work.Forward() / rate;
  if (options.data.empty()) {
    // Windows are written side by side, token by token, each step reading all weights once.
    const double step = static_cast<double>(model) / speed.bytes_per_second;
    import += std::max((work.calibration() + work.held_out()) * work.Forward() / rate,
                       work.window() * step);
  }
  add("import", model + PassBytes(shape), import);
  add("profile",
      model +
          ProfileActivationBytes(shape.config, shape.element(), options.batch,
                                 options.window_tokens) +
          kLogitBytes,
      work.Profile() / rate);
  add("plan", 2 * model + std::max(PassBytes(shape), probes ? recovery.total() : 0),
      work.Plan() / rate);
  add("reorder",
      2 * model + 3 * 4 * uint64_t{options.window_tokens} * shape.config.vocab + kLogitBytes,
      work.Reorder() / rate);
  // The model, then a reordered copy, then only the latter; at the end once more both, to measure.
  add("recover", probes ? std::max(2 * model + PassBytes(shape), model + recovery.total()) : 0,
      work.Recover() / (speed.training_products_per_second * TrainingEfficiency(shape)));
  // The full model and the levels' views of it.
  add("tlm", WantsTlm(options) ? model + PassBytes(shape) : 0, work.Tlm() / rate);
  // Rounding works on a reordered copy in float32; else one tensor at a time is in memory.
  const bool quantised = IsQuantised(shape.weights);
  add("pack", quantised ? 2 * float32_model + PassBytes(shape) : TensorBytes(shape),
      (converted + weights * 2) / kDiskBytesPerSecond +
          (quantised ? 6 * work.calibration() * work.Forward() / rate : 0),
      /*on_device=*/false);
  const double levels = static_cast<double>(options.levels.size());
  add("verify", float32_model + EstimateBundleBytes(shape) + PassBytes(shape),
      2 * options.window_tokens * levels * 0.6 * weights / kVerifyProductsPerSecond,
      /*on_device=*/false);
  return stages;
}

}  // namespace elm
