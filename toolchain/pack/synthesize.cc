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
  };
  return shapes;
}

const NamedShape& FindShape(std::string_view name) {
  std::string names;
  for (const NamedShape& shape : NamedShapes()) {
    if (shape.name == name) return shape;
    names += StrCat(names.empty() ? "" : ", ", shape.name);
  }
  throw Error(InvalidArgument("no shape is called \"", name, "\"; choose one of ", names));
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

  const BundlePlan plan = ValueOrThrow(PlanBundle(contents));
  size_t next = 0;  // tensors are asked for in the plan's order
  FastRandom random(options.seed);
  const TensorSource source = [&](const TensorSpec& spec, std::span<float> values) {
    const bool quantised = IsQuantised(plan.tensors[next++].type);
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
  ThrowIfError(WriteBundle(path, contents, source, progress, DrawCodes(random), adapters));
}

}  // namespace elm
