#include "toolchain/pack/synthesize.h"

#include <algorithm>
#include <cmath>

#include "formats/elm/bundle_plan.h"
#include "formats/workspace/scores.h"
#include "toolchain/base/error.h"
#include "toolchain/pack/character_tokenizer.h"
#include "toolchain/plan/plan.h"

namespace elm {
namespace {

ModelConfig Shape(uint32_t layers, uint32_t width, uint32_t query_heads, uint32_t kv_heads,
                  uint32_t neurons, bool tied_head) {
  ModelConfig config;
  config.layers = layers;
  config.width = width;
  config.query_heads = query_heads;
  config.kv_heads = kv_heads;
  config.head_dim = width / query_heads;
  config.neurons = neurons;
  config.vocab = 32000;
  config.context = 2048;
  config.tied_head = tied_head;
  return config;
}

// What a tiny model of a world with few words looks like.
ModelConfig SmallShape() {
  ModelConfig config = Shape(5, 256, 8, 4, 800, true);
  config.vocab = 2048;
  return config;
}

// Llama 3 by its published configuration: large vocabulary, few KV heads.
ModelConfig Llama3Shape() {
  ModelConfig config = Shape(32, 4096, 32, 8, 14336, false);
  config.vocab = 128256;
  config.context = 8192;
  config.rope_theta = 500000;
  return config;
}

TlmConfig MobileBertShape() {
  TlmConfig config;
  config.vocab = 30522;
  config.positions = 512;
  config.embedding = 128;
  config.hidden = 512;
  config.bottleneck = 128;
  config.heads = 4;
  config.intermediate = 512;
  config.feed_forwards = 4;
  config.layers = 24;
  config.shared_layers = 12;
  return config;
}

// What a model of the 4m shape carries.
TlmConfig TinyTlmShape() {
  TlmConfig config;
  config.vocab = 2048;
  config.positions = 256;
  config.embedding = 32;
  config.hidden = 64;
  config.bottleneck = 32;
  config.heads = 2;
  config.intermediate = 64;
  config.feed_forwards = 2;
  config.layers = 4;
  config.shared_layers = 2;
  return config;
}

// Settings around a shape: words without meaning, the SLO tokens behind them.
TlmSettings RandomTlmSettings(TlmConfig config, const std::vector<uint32_t>& levels) {
  constexpr uint32_t kStep = 100;
  constexpr uint32_t kWhole = 1000;
  TlmSettings settings;
  for (uint32_t level = kStep; level <= kWhole; level += kStep) {
    settings.prompt_levels_permille.push_back(level);
    if (level >= 2 * kStep) settings.ttft_permille.push_back(level);
    if (level >= 5 * kStep) settings.tpot_permille.push_back(level);
  }
  settings.model_levels_permille = levels;
  config.prompt_levels = static_cast<uint32_t>(settings.prompt_levels_permille.size());
  config.model_levels = static_cast<uint32_t>(levels.size());
  std::vector<std::string> pieces(std::begin(kTlmSpecialPieces), std::end(kTlmSpecialPieces));
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    pieces.push_back({letter});
    pieces.push_back({'#', '#', letter});
  }
  const size_t slo_tokens = settings.ttft_permille.size() + settings.tpot_permille.size();
  while (pieces.size() + slo_tokens < config.vocab) pieces.push_back(StrCat("w", pieces.size()));
  for (const uint32_t permille : settings.ttft_permille) pieces.push_back(TtftPiece(permille));
  for (const uint32_t permille : settings.tpot_permille) pieces.push_back(TpotPiece(permille));
  for (const std::string& piece : pieces) settings.vocabulary += piece + "\n";
  constexpr uint32_t kOverlapShare = 8;
  settings.window_overlap = config.positions / kOverlapShare;
  settings.config = config;
  return settings;
}

// xorshift64*: four 16-bit values a step are plenty for weights that mean nothing.
class FastRandom {
 public:
  explicit FastRandom(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15U + 1) {}

  void FillUniform(std::span<float> values, float amplitude) {
    const float scale = amplitude / 32768.0F;
    size_t i = 0;
    while (i < values.size()) {
      const uint64_t bits = Next();
      for (int part = 0; part < 4 && i < values.size(); ++part, ++i) {
        values[i] = static_cast<float>(static_cast<int16_t>(bits >> (16 * part))) * scale;
      }
    }
  }

  // Every code of the type, all with the same chance (the least q8 one with twice the others').
  void FillCodes(WeightType type, std::span<int8_t> codes) {
    const bool q8 = type == WeightType::kQ8;
    size_t i = 0;
    while (i < codes.size()) {
      uint64_t bits = Next();
      for (int part = 0; part < 8 && i < codes.size(); ++part, ++i, bits >>= 8) {
        const int code = q8 ? static_cast<int8_t>(bits) : static_cast<int>(bits & 0xf) - 8;
        codes[i] = static_cast<int8_t>(std::max(code, LeastCode(type)));
      }
    }
  }

 private:
  uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1DU;
  }

  uint64_t state_;
};

// Uniform on [-a, a] has variance a^2 / 3: with this a each output keeps its inputs' variance.
float Amplitude(const TensorSpec& spec) {
  return std::sqrt(3.0F / static_cast<float>(spec.columns));
}

float Amplitude(const TileLayout& layout) {
  return std::sqrt(3.0F / static_cast<float>(layout.columns));
}

// Norms that change nothing; biases that matter a little.
void FillTlm(const TlmTensorSpec& spec, FastRandom& random, std::span<float> values) {
  constexpr float kBias = 0.05F;
  if (spec.is_norm()) {
    std::fill(values.begin(), values.end(), spec.bias ? 0.0F : 1.0F);
  } else if (spec.bias) {
    random.FillUniform(values, kBias);
  } else {
    // NoNorm leaves residual streams as they are: small products keep 24 layers of them in range.
    constexpr float kSpread = 0.3F;
    random.FillUniform(values, kSpread * std::sqrt(3.0F / static_cast<float>(spec.columns)));
  }
}

// Draws integers instead of rounding what was drawn, which takes many times as long.
MatrixQuantiser DrawCodes(FastRandom& random) {
  return [&random](const TensorSpec& spec, WeightType type, uint32_t group,
                   std::span<const float>) -> Result<QuantisedMatrix> {
    QuantisedMatrix matrix{.rows = spec.rows,
                           .columns = spec.columns,
                           .group = group,
                           .codes = std::vector<int8_t>(spec.rows * spec.columns),
                           .scales = {}};
    random.FillCodes(type, matrix.codes);
    const float scale = Amplitude(spec) / static_cast<float>(-LeastCode(type));
    matrix.scales.assign(spec.rows * matrix.groups(), FloatToF16(scale));
    return matrix;
  };
}

// The planner's table when every unit and layer matters the same.
LevelTable EvenLevels(const ModelConfig& config, const SynthesizeOptions& options) {
  UnitScores units = UnitScores::ForModel(config);
  units.sequences = 1;
  MetricSums& sums = units.of(ScoreMetric::kToken);
  sums.heads.assign(size_t{config.layers} * config.query_heads, 1.0);
  sums.groups.assign(size_t{config.layers} * config.kv_heads, 1.0);
  sums.neurons.assign(size_t{config.layers} * config.neurons, 1.0);
  LayerScores layers;
  layers.sequences = 1;
  layers.skipped_loss_sum.assign(config.layers, 1.0);
  PlanOptions plan;
  plan.levels = options.levels;
  plan.anchor_share = options.anchor_share;
  return ValueOrThrow(MakePlan(config, units, layers, plan)).plan.levels;
}

template <typename Shape>
const Shape& FindNamed(const std::vector<Shape>& shapes, std::string_view name) {
  std::string names;
  for (const Shape& shape : shapes) {
    if (shape.name == name) return shape;
    names += StrCat(names.empty() ? "" : ", ", shape.name);
  }
  throw Error(InvalidArgument("no shape is called \"", name, "\"; choose one of ", names));
}

}  // namespace

const std::vector<NamedShape>& NamedShapes() {
  static const std::vector<NamedShape> shapes = {
      {"4m", "5 layers, width 256, 8 heads / 4 KV heads, 800 neurons, 2048 pieces", SmallShape()},
      {"110m", "12 layers, width 768, 12 heads, 2048 neurons", Shape(12, 768, 12, 12, 2048, true)},
      {"0.5b", "25 layers, width 1280, 20 heads / 4 KV heads, 3840 neurons; 1 GB in f16",
       Shape(25, 1280, 20, 4, 3840, true)},
      {"tinyllama-1.1b", "22 layers, width 2048, 32 heads / 4 KV heads, 5632 neurons",
       Shape(22, 2048, 32, 4, 5632, false)},
      {"llama-7b", "32 layers, width 4096, 32 heads, 11008 neurons",
       Shape(32, 4096, 32, 32, 11008, false)},
      {"llama-3-8b", "32 layers, width 4096, 32 heads / 8 KV heads, 14336 neurons, 128256 pieces",
       Llama3Shape()},
  };
  return shapes;
}

const NamedShape& FindShape(std::string_view name) { return FindNamed(NamedShapes(), name); }

const std::vector<NamedTlmShape>& NamedTlmShapes() {
  static const std::vector<NamedTlmShape> shapes = {
      {"tiny", "4 layers (2 shared), hidden 64, bottleneck 32, 2048 pieces", TinyTlmShape()},
      {"mobilebert", "24 layers (12 shared), hidden 512, bottleneck 128, 30522 pieces",
       MobileBertShape()},
  };
  return shapes;
}

const NamedTlmShape& FindTlmShape(std::string_view name) {
  return FindNamed(NamedTlmShapes(), name);
}

void SynthesizeBundle(const ModelConfig& config, const SynthesizeOptions& options,
                      const std::string& path, const WriteProgress& progress) {
  BundleContents contents;
  contents.config = config;
  contents.levels = EvenLevels(config, options);
  contents.generation.bos_id = 1;
  contents.generation.add_bos = true;
  contents.generation.stop_ids = {2};
  contents.tokenizer_model =
      options.tokenizer_model.empty() ? CharacterTokenizer() : options.tokenizer_model;
  contents.provenance_json = StrCat(R"({"synthetic":true,"seed":)", options.seed, "}");
  contents.weights = options.weights;
  contents.vocabulary = options.vocabulary;
  contents.group = options.group;
  for (uint32_t level = 0; options.adapter_rank > 0 && level + 1 < options.levels.size(); ++level) {
    // Twice the rank as alpha is usual; that much of random matrices would drown the weights.
    contents.adapters.push_back({.level = level, .rank = options.adapter_rank, .scale = 0.1F});
  }
  if (options.tlm) {
    contents.tlm = TlmContents{.settings = RandomTlmSettings(*options.tlm, options.levels),
                               .weights = options.tlm_weights};
  }

  const BundlePlan plan = ValueOrThrow(PlanBundle(contents));
  size_t next = 0;  // tensors are asked for in the plan's order
  FastRandom random(options.seed);
  const TensorSource source = [&](const TensorSpec& spec, std::span<float> values) {
    const bool quantised = IsQuantised(plan.tensors[next++].storage.type);
    if (spec.is_vector()) {
      std::fill(values.begin(), values.end(), 1.0F);
    } else if (!quantised) {  // DrawCodes() looks at no values
      random.FillUniform(values, Amplitude(spec));
    }
    return Status::Ok();
  };
  const AdapterSource adapters = [&](size_t, const AdapterTensor& tensor, std::span<float> values) {
    random.FillUniform(values, Amplitude(tensor.layout));
    return Status::Ok();
  };
  const TlmSource tlm = [&](const TlmTensorSpec& spec, std::span<float> values) {
    FillTlm(spec, random, values);
    return Status::Ok();
  };
  ThrowIfError(WriteBundle(path, contents, source, progress, DrawCodes(random), adapters, tlm));
}

}  // namespace elm
