// A small random model with a level table whose KV heads are shared unevenly, written to a bundle,
// and the same forward pass once more: naive, in double precision, over plain row-major matrices.
#pragma once

#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "formats/base/dtype.h"
#include "formats/base/hash.h"
#include "formats/base/testing/temporary_directory.h"
#include "formats/elm/bundle_writer.h"
#include "runtime/engine/testing/tiny_tokenizer.h"
#include "runtime/include/elm/elm.hpp"

namespace elm::testing {

inline ModelConfig SmallConfig() {
  ModelConfig config;
  config.layers = 3;
  config.width = 40;
  config.query_heads = 6;
  config.kv_heads = 3;
  config.head_dim = 8;
  config.neurons = 172;
  config.vocab = static_cast<uint32_t>(TinyPieces().size()) + 5;
  config.context = 80;
  return config;
}

// Level 0.3 skips the attention of layer 1 and the MLP of layer 2; counts are not multiples of a
// tile.
inline LevelTable SmallLevels() {
  LevelTable table;
  table.kv_of = {{0, 1, 0, 2, 2, 1}, {0, 0, 1, 2, 1, 2}, {0, 1, 2, 2, 1, 0}};
  table.levels = {{300, {{1, 1, 33}, {0, 0, 50}, {3, 3, 0}}},
                  {600, {{3, 2, 100}, {2, 1, 50}, {3, 3, 97}}},
                  {1000, {{6, 3, 172}, {6, 3, 172}, {6, 3, 172}}}};
  return table;
}

inline BundleContents SmallContents(WeightType weights = WeightType::kF32) {
  BundleContents contents;
  contents.config = SmallConfig();
  contents.levels = SmallLevels();
  contents.generation.bos_id = 1;
  contents.generation.add_bos = true;
  contents.generation.stop_ids = {2};
  contents.tokenizer_model = TinyTokenizerModel();
  contents.weights = weights;
  return contents;
}

// Reproducible values that keep activations near 1; norms near 1.
inline std::vector<float> SmallTensor(const TensorSpec& spec, WeightType weights) {
  std::mt19937_64 engine(Hash64(std::as_bytes(std::span(spec.name))));
  std::vector<float> values(spec.rows * spec.columns);
  const double scale = spec.is_vector() ? 0.5 : 2.0 / std::sqrt(static_cast<double>(spec.columns));
  for (float& value : values) {
    const double uniform = static_cast<double>(engine() >> 11) * 0x1p-52 - 1.0;
    value = static_cast<float>((spec.is_vector() ? 1.0 : 0.0) + scale * uniform);
  }
  if (spec.is_vector()) return values;
  const DType dtype = ElementType(weights);
  std::vector<std::byte> bytes(values.size() * DTypeSize(dtype));
  EncodeFromFloat(dtype, values, bytes.data());
  DecodeToFloat(dtype, bytes.data(), values);
  return values;
}

// The same for a matrix of an adapter; f16 holds the values.
inline std::vector<float> SmallAdapterMatrix(size_t adapter, const AdapterTensor& tensor) {
  const std::string name = StrCat(adapter, " ", tensor.layer, " ", AdapterPartName(tensor.part));
  std::mt19937_64 engine(Hash64(std::as_bytes(std::span(name))));
  std::vector<float> values(tensor.layout.rows * tensor.layout.columns);
  const double scale = 1.0 / std::sqrt(static_cast<double>(tensor.layout.columns));
  for (float& value : values) {
    const double uniform = static_cast<double>(engine() >> 11) * 0x1p-52 - 1.0;
    value = F16ToFloat(FloatToF16(static_cast<float>(scale * uniform)));
  }
  return values;
}

inline Status WriteSmallBundle(const std::string& path, const BundleContents& contents) {
  const auto tensors = [&](const TensorSpec& spec, std::span<float> values) {
    const std::vector<float> tensor = SmallTensor(spec, contents.weights);
    std::copy(tensor.begin(), tensor.end(), values.begin());
    return Status::Ok();
  };
  const auto adapters = [&](size_t adapter, const AdapterTensor& tensor, std::span<float> values) {
    const std::vector<float> matrix = SmallAdapterMatrix(adapter, tensor);
    std::copy(matrix.begin(), matrix.end(), values.begin());
    return Status::Ok();
  };
  return WriteBundle(path, contents, tensors, {}, LeastErrorQuantiser(), adapters);
}

// Writes and loads in one step. The mapping outlives the file's name.
inline Result<std::shared_ptr<const Model>> LoadSmallModel(const BundleContents& contents) {
  const TemporaryDirectory directory;
  const std::string path = directory.Path("small.elm");
  ELM_RETURN_IF_ERROR(WriteSmallBundle(path, contents));
  return Model::Load(path);
}

// The reference. Logits [ids, vocab] behind every position, computed over the whole sequence at
// once.
class ReferenceModel {
 public:
  explicit ReferenceModel(const BundleContents& contents, KvType kv = KvType::kF16)
      : config_(contents.config), levels_(contents.levels), kv_(kv) {
    for (const TensorSpec& spec : ListTensors(config_)) {
      tensors_[spec.name] = SmallTensor(spec, contents.weights);
    }
    for (size_t i = 0; i < contents.adapters.size(); ++i) {
      const AdapterSpec& spec = contents.adapters[i];
      const Level& level = levels_.levels[spec.level];
      for (const AdapterTensor& tensor : PlanAdapter(config_, level, spec.rank).tensors) {
        adapters_[{&level.layers[tensor.layer], tensor.part}] = SmallAdapterMatrix(i, tensor);
      }
      scales_[&level] = spec.scale;
      ranks_[&level] = spec.rank;
    }
  }

  std::vector<std::vector<double>> Logits(std::span<const uint32_t> ids, size_t level) const {
    std::vector<Vector> residual;
    const auto& embedding = Tensor(TensorRole::kEmbedding, 0);
    for (const uint32_t id : ids) {
      const auto row = embedding.begin() + static_cast<ptrdiff_t>(size_t{id} * config_.width);
      residual.emplace_back(row, row + config_.width);
    }
    for (uint32_t layer = 0; layer < config_.layers; ++layer) {
      AddAttention(layer, levels_.levels[level], residual);
      AddMlp(layer, levels_.levels[level], residual);
    }
    std::vector<Vector> logits;
    const auto head = config_.tied_head ? TensorRole::kEmbedding : TensorRole::kHead;
    for (const Vector& row : residual) {
      const Vector normed = Normed(row, Tensor(TensorRole::kFinalNorm, 0));
      logits.push_back(Product(Tensor(head, 0), config_.vocab, config_.vocab, normed));
    }
    return logits;
  }

 private:
  using Vector = std::vector<double>;

  const std::vector<float>& Tensor(TensorRole role, uint32_t layer) const {
    return tensors_.at(TensorName(role, layer));
  }

  Vector Normed(const Vector& row, const std::vector<float>& norm) const {
    double squares = 0;
    for (const double value : row) squares += value * value;
    const double root = std::sqrt(squares / static_cast<double>(row.size()) + config_.rms_epsilon);
    Vector normed(row.size());
    for (size_t i = 0; i < row.size(); ++i) normed[i] = norm[i] * row[i] / root;
    return normed;
  }

  // The first `kept` of `rows` outputs over as many inputs as `input` has, a prefix of the columns.
  static Vector Product(const std::vector<float>& matrix, size_t rows, size_t kept,
                        const Vector& input) {
    const size_t columns = matrix.size() / rows;
    Vector output(kept, 0.0);
    for (size_t row = 0; row < kept; ++row) {
      for (size_t k = 0; k < input.size(); ++k) output[row] += matrix[row * columns + k] * input[k];
    }
    return output;
  }

  // output += scale * B (A input), A being the `index`-th of those that stand in one matrix.
  void AddSide(const Level& level, uint32_t layer, AdapterPart a, size_t index, AdapterPart b,
               const Vector& input, Vector& output) const {
    if (!scales_.contains(&level)) return;
    const LayerSlice* slice = &level.layers[layer];
    const size_t rank = ranks_.at(&level);
    const std::vector<float>& a_values = adapters_.at({slice, a});
    const std::vector<float>& b_values = adapters_.at({slice, b});
    for (size_t r = 0; r < rank; ++r) {
      double low = 0;
      for (size_t k = 0; k < input.size(); ++k) {
        low += a_values[(index * rank + r) * input.size() + k] * input[k];
      }
      for (size_t row = 0; row < output.size(); ++row) {
        output[row] += scales_.at(&level) * low * b_values[row * rank + r];
      }
    }
  }

  // Heads [.., head_dim] as the KV cache keeps them.
  void RoundForCache(Vector& heads) const {
    if (kv_ == KvType::kF32) return;
    if (kv_ == KvType::kF16) {
      for (double& value : heads) value = F16ToFloat(FloatToF16(static_cast<float>(value)));
      return;
    }
    for (size_t head = 0; head < heads.size(); head += config_.head_dim) {
      const std::span row(heads.data() + head, config_.head_dim);
      double largest = 0;
      for (const double value : row) largest = std::max(largest, std::abs(value));
      const double step = largest > 0 ? largest / 127 : 1;
      for (double& value : row) value = std::nearbyint(value / step) * step;
    }
  }

  void Rotate(Vector& heads, size_t position) const {
    const size_t half = config_.head_dim / 2;
    for (size_t head = 0; head < heads.size(); head += config_.head_dim) {
      for (size_t i = 0; i < half; ++i) {
        const double exponent = static_cast<double>(2 * i) / config_.head_dim;
        const double angle =
            static_cast<double>(position) / std::pow(double{config_.rope_theta}, exponent);
        const double first = heads[head + i];
        const double second = heads[head + i + half];
        heads[head + i] = first * std::cos(angle) - second * std::sin(angle);
        heads[head + i + half] = second * std::cos(angle) + first * std::sin(angle);
      }
    }
  }

  void AddAttention(uint32_t layer, const Level& level, std::vector<Vector>& residual) const {
    const LayerSlice& slice = level.layers[layer];
    if (slice.query_heads == 0) return;
    const size_t dim = config_.head_dim;
    std::vector<Vector> queries, keys, values;
    for (size_t t = 0; t < residual.size(); ++t) {
      const Vector normed = Normed(residual[t], Tensor(TensorRole::kAttentionNorm, layer));
      queries.push_back(Product(Tensor(TensorRole::kQuery, layer), config_.query_width(),
                                slice.query_heads * dim, normed));
      keys.push_back(Product(Tensor(TensorRole::kKey, layer), config_.kv_width(),
                             slice.kv_heads * dim, normed));
      values.push_back(Product(Tensor(TensorRole::kValue, layer), config_.kv_width(),
                               slice.kv_heads * dim, normed));
      AddSide(level, layer, AdapterPart::kAttentionA, 0, AdapterPart::kQueryB, normed,
              queries.back());
      AddSide(level, layer, AdapterPart::kAttentionA, 1, AdapterPart::kKeyB, normed, keys.back());
      AddSide(level, layer, AdapterPart::kAttentionA, 2, AdapterPart::kValueB, normed,
              values.back());
      Rotate(queries.back(), t);
      Rotate(keys.back(), t);
      RoundForCache(keys.back());
      RoundForCache(values.back());
    }
    for (size_t t = 0; t < residual.size(); ++t) {
      Vector attended(slice.query_heads * dim, 0.0);
      for (size_t head = 0; head < slice.query_heads; ++head) {
        const size_t kv = levels_.kv_of[layer][head];
        Vector weights(t + 1);
        double sum = 0;
        for (size_t p = 0; p <= t; ++p) {
          double dot = 0;
          for (size_t i = 0; i < dim; ++i) {
            dot += queries[t][head * dim + i] * keys[p][kv * dim + i];
          }
          weights[p] = std::exp(dot / std::sqrt(static_cast<double>(dim)));
          sum += weights[p];
        }
        for (size_t p = 0; p <= t; ++p) {
          for (size_t i = 0; i < dim; ++i) {
            attended[head * dim + i] += weights[p] / sum * values[p][kv * dim + i];
          }
        }
      }
      Vector sum =
          Product(Tensor(TensorRole::kOutput, layer), config_.width, config_.width, attended);
      AddSide(level, layer, AdapterPart::kOutputA, 0, AdapterPart::kOutputB, attended, sum);
      Add(sum, residual[t]);
    }
  }

  void AddMlp(uint32_t layer, const Level& level, std::vector<Vector>& residual) const {
    const LayerSlice& slice = level.layers[layer];
    if (slice.neurons == 0) return;
    for (Vector& row : residual) {
      const Vector normed = Normed(row, Tensor(TensorRole::kMlpNorm, layer));
      Vector gate =
          Product(Tensor(TensorRole::kGate, layer), config_.neurons, slice.neurons, normed);
      Vector up = Product(Tensor(TensorRole::kUp, layer), config_.neurons, slice.neurons, normed);
      AddSide(level, layer, AdapterPart::kMlpA, 0, AdapterPart::kGateB, normed, gate);
      AddSide(level, layer, AdapterPart::kMlpA, 1, AdapterPart::kUpB, normed, up);
      for (size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
      Vector sum = Product(Tensor(TensorRole::kDown, layer), config_.width, config_.width, gate);
      AddSide(level, layer, AdapterPart::kDownA, 0, AdapterPart::kDownB, gate, sum);
      Add(sum, row);
    }
  }

  static void Add(const Vector& addend, Vector& sum) {
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += addend[i];
  }

  ModelConfig config_;
  LevelTable levels_;
  KvType kv_;
  std::map<std::string, std::vector<float>> tensors_;
  // By slice (a level's layer), and by level.
  std::map<std::pair<const LayerSlice*, AdapterPart>, std::vector<float>> adapters_;
  std::map<const Level*, double> scales_;
  std::map<const Level*, size_t> ranks_;
};

}  // namespace elm::testing
