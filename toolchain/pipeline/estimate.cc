#include "toolchain/pipeline/estimate.h"

#include <algorithm>
#include <chrono>

#include "formats/elm/adapter_plan.h"
#include "toolchain/base/error.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/pack/pack.h"

namespace elm {
namespace {

uint64_t LayerWeights(const ModelConfig& config) {
  return config.layers *
         SliceWeights(config, {config.query_heads, config.kv_heads, config.neurons});
}

uint64_t AllWeights(const ModelConfig& config) {
  const uint64_t tables = config.tied_head ? 1 : 2;
  return LayerWeights(config) + tables * config.vocab * config.width;
}

// Of the rate of a plain matrix product, what training reaches at small shapes.
constexpr double kTrainingEfficiency = 0.4;

// Multiply-adds per second of a matrix product on the run's device and type.
double MeasureRate(torch::Device device, const std::string& dtype) {
  constexpr int64_t kSide = 512;
  const torch::NoGradGuard no_grad;
  const auto options = torch::TensorOptions().device(device).dtype(
      dtype == "bfloat16" ? torch::kBFloat16 : torch::kFloat32);
  const torch::Tensor a = torch::ones({kSide, kSide}, options);
  torch::Tensor product = torch::mm(a, a);  // warm-up
  const auto start = std::chrono::steady_clock::now();
  constexpr int kRepeats = 8;
  for (int i = 0; i < kRepeats; ++i) product = torch::mm(a, a);
  product.sum().item<float>();  // waits for a device that works asynchronously
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return kRepeats * static_cast<double>(kSide * kSide * kSide) / elapsed.count();
}

}  // namespace

namespace {

// Of the adapters of all levels, as if every layer kept the level's share of its units.
uint64_t AdapterBytes(const ModelConfig& config, const PrepareOptions& options) {
  if (options.recover.recovery == Recovery::kNone) return 0;
  uint64_t bytes = 0;
  for (const uint32_t name : options.levels) {
    if (name == 1000) continue;
    const auto part = [name](uint32_t units) {
      return static_cast<uint32_t>((uint64_t{units} * name + 999) / 1000);
    };
    const LayerSlice slice{part(config.query_heads), part(config.kv_heads), part(config.neurons)};
    const Level level{name, std::vector<LayerSlice>(config.layers, slice)};
    bytes += PlanAdapter(config, level, options.recover.rank).size;
  }
  return bytes;
}

}  // namespace

uint64_t EstimateBundleBytes(RunContext& context) {
  const ModelConfig& config = context.checkpoint().config();
  ElasticPlan plan;
  plan.levels = FullLevelOnly(config);
  plan.order = IdentityOrder(config);
  PackOptions options;
  options.weights = context.weights();
  options.vocabulary = context.vocabulary();
  options.group = context.options().group;
  options.tokenizer_model = context.tokenizer_bytes();
  return ValueOrThrow(BundleFileSize(DescribeBundle(context.checkpoint(), plan, options))) +
         AdapterBytes(config, context.options());
}

uint64_t EstimateWorkspaceBytes(RunContext& context) {
  const ModelConfig& config = context.checkpoint().config();
  const PrepareOptions& options = context.options();
  const uint64_t units =
      uint64_t{config.layers} * (config.query_heads + config.kv_heads + config.neurons);
  const uint64_t windows = uint64_t{options.calibration_windows} + options.held_out_windows;
  // Scores once per part while profiling and once merged, 8 bytes each; the plan's indices; the
  // ids.
  return units * 8 * kScoreMetrics * 2 + units * 4 + windows * options.window_tokens * 4;
}

uint64_t EstimateMemoryBytes(RunContext& context) {
  const ModelConfig& config = context.checkpoint().config();
  const PrepareOptions& options = context.options();
  const uint64_t element = options.dtype == "bfloat16" ? 2 : 4;
  const uint64_t weights = AllWeights(config) * element;
  const uint64_t positions = uint64_t{options.batch} * options.window_tokens;
  // Kept per layer and position for the backward pass: about ten vectors of the residual width, six
  // of the neurons (gate, up, their product, gates and gradients) and the attention rows of every
  // head.
  const uint64_t per_position =
      10 * config.width + 6 * config.neurons + 3 * config.query_heads * options.window_tokens;
  const uint64_t activations = config.layers * positions * per_position * 4;
  // Verification holds the model in float32, twice while its units are reordered.
  const uint64_t verification = 2 * AllWeights(config) * 4;
  return std::max(2 * weights + activations, verification);
}

double StageSeconds::of(const std::string& stage) const {
  if (stage == "import") return import;
  if (stage == "profile") return profile;
  if (stage == "plan") return plan;
  if (stage == "reorder") return reorder;
  if (stage == "recover") return recover;
  if (stage == "pack") return pack;
  return verify;
}

StageSeconds EstimateSeconds(RunContext& context) {
  const ModelConfig& config = context.checkpoint().config();
  const PrepareOptions& options = context.options();
  const double rate = MeasureRate(context.device(), options.dtype);
  const double weights = static_cast<double>(AllWeights(config));
  const double calibration = double{1} * options.calibration_windows * options.window_tokens;
  const double held_out = double{1} * options.held_out_windows * options.window_tokens;
  const double forward = weights / rate;  // one token
  const double bytes_per_second = 3e8;    // read, convert and write
  const double levels = static_cast<double>(options.levels.size());
  const double candidates = (options.policy ? 1 : 2) * (options.metric ? 1 : 3);
  const double generated = options.data.empty() ? (calibration + held_out) * forward : 0;

  StageSeconds seconds;
  seconds.import = weights * 4 / 1e9 + held_out * forward + generated;
  // A forward and a backward pass for the units, then half a forward pass per skipped layer.
  seconds.profile = calibration * forward * (3 + config.layers / 2.0);
  if (options.exact_heads) {
    seconds.profile +=
        calibration * forward * config.layers * (config.query_heads + config.kv_heads);
  }
  seconds.plan = candidates * held_out * forward * levels * 0.6;
  seconds.reorder = 8 * options.window_tokens * forward;
  if (options.recover.recovery != Recovery::kNone) {
    // Per level a forward and a backward pass of its share, 0.55 on average; one teacher for all.
    const double tokens = static_cast<double>(options.recover.tokens);
    seconds.recover = tokens * forward * (1 + (levels - 1) * 0.55 * 2) / kTrainingEfficiency;
  }
  seconds.pack = weights * 4 / bytes_per_second;
  // The runtime decodes at a few billion multiplications a second.
  seconds.verify = 2 * options.window_tokens * levels * 0.6 * weights / 5e9;
  return seconds;
}

}  // namespace elm
