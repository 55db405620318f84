#include "runtime/tlm/tlm_encoder.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "formats/base/checked_math.h"
#include "runtime/kernels/kv_layout.h"

namespace elm {
namespace {

// Tokens that go through a layer together: few enough that their activations stay in a core's
// cache, many enough that weights are read from further away rarely.
constexpr size_t kChunkTokens = 64;
// No chunk is split further than this for the sake of more threads.
constexpr size_t kSmallestChunk = 16;

bool ReadAlike(const Matrix& a, const Matrix& b) {
  return a.type == b.type && a.tile_columns == b.tile_columns;
}

}  // namespace

// What one thread does with one chunk.
class TlmEncoder::Step {
 public:
  Step(TlmEncoder& encoder, size_t thread, Chunk chunk)
      : encoder_(encoder),
        config_(encoder.config_),
        kernels_(encoder.kernels_),
        scratch_(encoder.scratch_[thread]),
        chunk_(chunk) {}

  void Embed(std::span<const uint32_t> ids, std::span<const uint32_t> token_types, float* states) {
    const size_t hidden = config_.hidden;
    const TlmWeights& weights = encoder_.weights_;
    float* rows = states + chunk_.begin * hidden;
    const size_t columns = config_.embedding_inputs();
    Multiply(GatherWords(ids), columns, {{&weights.projection, {rows, hidden}}});
    float* table = scratch_.table_row.data();
    for (size_t t = 0; t < chunk_.count; ++t) {
      for (const auto& [matrix, row] :
           {std::pair{&weights.positions, chunk_.begin + t},
            std::pair{&weights.token_types, size_t{token_types[chunk_.begin + t]}}}) {
        DecodeRow(*matrix, row, table);
        for (size_t i = 0; i < hidden; ++i) rows[t * hidden + i] += table[i];
      }
    }
    Normalise(weights.projection.bias, weights.embedding_norm, hidden, rows);
  }

  // Queries, keys, values, and what attention's output is added to.
  void Prepare(const TlmLayer& layer, const float* states, KeysAndValues& kv) {
    const size_t hidden = config_.hidden;
    const size_t bottleneck = config_.bottleneck;
    float* inputs = encoder_.inputs_.data() + chunk_.begin * bottleneck;
    float* shared = scratch_.narrow.data();
    float* values = scratch_.narrow_too.data();
    Multiply({states + chunk_.begin * hidden, hidden}, hidden,
             {{&layer.input_bottleneck, {inputs, bottleneck}},
              {&layer.attention_bottleneck, {shared, bottleneck}},
              {&layer.value, {values, bottleneck}}});
    Normalise(layer.input_bottleneck.bias, layer.input_norm, bottleneck, inputs);
    Normalise(layer.attention_bottleneck.bias, layer.shared_norm, bottleneck, shared);
    AddBias(layer.value.bias, values);
    float* queries = encoder_.queries_.data() + chunk_.begin * bottleneck;
    float* keys = scratch_.wide.data();
    Multiply({shared, bottleneck}, bottleneck,
             {{&layer.query, {queries, bottleneck}}, {&layer.key, {keys, bottleneck}}});
    AddBias(layer.query.bias, queries);
    AddBias(layer.key.bias, keys);
    Store(keys, values, kv);
  }

  // Attention and everything behind it; states become the layer's output.
  void Finish(const TlmLayer& layer, KeysAndValues& kv, float* states) {
    const size_t hidden = config_.hidden;
    const size_t bottleneck = config_.bottleneck;
    float* attended = scratch_.narrow.data();
    Attend(kv, attended);
    // The residual stream of the layer, in place from here on.
    float* stream = encoder_.inputs_.data() + chunk_.begin * bottleneck;
    Multiply({attended, bottleneck}, bottleneck, {{&layer.output, {stream, bottleneck}}}, true);
    Normalise(layer.output.bias, layer.attention_norm, bottleneck, stream);
    const size_t intermediate = config_.intermediate;
    float* neurons = scratch_.wide.data();
    for (const TlmFeedForward& network : layer.feed_forwards) {
      Multiply({stream, bottleneck}, bottleneck, {{&network.in, {neurons, intermediate}}});
      for (size_t t = 0; t < chunk_.count; ++t) {
        kernels_.add_relu(neurons + t * intermediate, network.in.bias, intermediate);
      }
      Multiply({neurons, intermediate}, intermediate, {{&network.out, {stream, bottleneck}}}, true);
      Normalise(network.out.bias, network.norm, bottleneck, stream);
    }
    float* rows = states + chunk_.begin * hidden;
    Multiply({stream, bottleneck}, bottleneck, {{&layer.output_bottleneck, {rows, hidden}}}, true);
    Normalise(layer.output_bottleneck.bias, layer.output_norm, hidden, rows);
  }

 private:
  struct Part {
    const TlmLinear* linear;
    OutputRows outputs;
  };

  // outputs (+)= matrix rows, for all parts; biases are added by what comes behind.
  void Multiply(InputRows rows, size_t columns, std::initializer_list<Part> parts,
                bool accumulate = false) {
    Inputs inputs;
    const Matrix* described = nullptr;
    for (const Part& part : parts) {
      const Matrix& matrix = part.linear->matrix;
      if (described == nullptr || !ReadAlike(*described, matrix)) {
        inputs = scratch_.inputs.Describe(kernels_, matrix, columns, chunk_.count, rows);
        InputBuffer::Fill(kernels_, inputs, 0, chunk_.count);
        described = &matrix;
      }
      kernels_.product({.matrix = &matrix,
                        .inputs = &inputs,
                        .kept_outputs = matrix.rows,
                        .kept_inputs = columns,
                        .first_tile_row = 0,
                        .end_tile_row = matrix.tile_rows(),
                        .accumulate = accumulate,
                        .outputs = part.outputs});
    }
  }

  // rows = norm(rows + bias), [C, width].
  void Normalise(const float* bias, const TlmNorm& norm, size_t width, float* rows) {
    for (size_t t = 0; t < chunk_.count; ++t) {
      float* row = rows + t * width;
      if (config_.layer_norm) {
        kernels_.layer_norm(row, bias, norm.scale, norm.shift, width, norm.epsilon);
      } else {
        kernels_.no_norm(row, bias, norm.scale, norm.shift, width);
      }
    }
  }

  void AddBias(const float* bias, float* rows) {
    const size_t width = config_.bottleneck;
    for (size_t t = 0; t < chunk_.count; ++t) {
      for (size_t i = 0; i < width; ++i) rows[t * width + i] += bias[i];
    }
  }

  // [C, embedding_inputs]: the words' rows; with trigrams each between the next and the previous
  // one, zeros beyond the window's ends.
  InputRows GatherWords(std::span<const uint32_t> ids) {
    const size_t width = config_.embedding;
    const Matrix& words = encoder_.weights_.words;
    if (!config_.trigram) {
      for (size_t t = 0; t < chunk_.count; ++t) {
        DecodeRow(words, ids[chunk_.begin + t], scratch_.words.data() + t * width);
      }
      return {scratch_.words.data(), width};
    }
    // Rows of the tokens from the one before the chunk to the one behind it.
    float* around = scratch_.words.data();
    for (size_t i = 0; i < chunk_.count + 2; ++i) {
      const size_t token = chunk_.begin + i;  // one too many
      if (token == 0 || token > ids.size()) {
        std::fill_n(around + i * width, width, 0.0F);
      } else {
        DecodeRow(words, ids[token - 1], around + i * width);
      }
    }
    float* rows = scratch_.wide.data();
    for (size_t t = 0; t < chunk_.count; ++t) {
      for (size_t part = 0; part < 3; ++part) {
        std::memcpy(rows + (3 * t + part) * width, around + (t + 2 - part) * width,
                    width * sizeof(float));
      }
    }
    return {rows, 3 * width};
  }

  float* KeysOf(KeysAndValues& kv, size_t head) const {
    return kv.keys.data() +
           head * KeyBytes(KvType::kF32, config_.positions, config_.head_dim()) / sizeof(float);
  }
  float* ValuesOf(KeysAndValues& kv, size_t head) const {
    return kv.values.data() + head * config_.positions * config_.head_dim();
  }

  void Store(const float* keys, const float* values, KeysAndValues& kv) {
    const size_t head_dim = config_.head_dim();
    for (size_t t = 0; t < chunk_.count; ++t) {
      for (size_t head = 0; head < config_.heads; ++head) {
        const size_t at = t * config_.bottleneck + head * head_dim;
        kernels_.store_kv[kKind](keys + at, values + at, head_dim, chunk_.begin + t,
                                 KeysOf(kv, head), ValuesOf(kv, head));
      }
    }
  }

  void Attend(KeysAndValues& kv, float* attended) {
    const size_t head_dim = config_.head_dim();
    const size_t bottleneck = config_.bottleneck;
    for (size_t head = 0; head < config_.heads; ++head) {
      kernels_.attend[kKind](
          {.queries = encoder_.queries_.data() + chunk_.begin * bottleneck + head * head_dim,
           .query_stride = bottleneck,
           .keys = KeysOf(kv, head),
           .values = ValuesOf(kv, head),
           .head_dim = head_dim,
           .start = 0,
           .tokens = chunk_.count,
           .scores = scratch_.scores.data(),
           .outputs = attended + head * head_dim,
           .output_stride = bottleneck,
           .all_see = encoder_.tokens_});
    }
  }

  static constexpr size_t kKind = static_cast<size_t>(KvType::kF32);

  TlmEncoder& encoder_;
  const TlmConfig& config_;
  const KernelTable& kernels_;
  ThreadScratch& scratch_;
  Chunk chunk_;
};

Result<std::unique_ptr<TlmEncoder>> TlmEncoder::Create(const BundleTlm& tlm,
                                                       const KernelTable& kernels,
                                                       uint32_t threads) {
  std::unique_ptr<TlmEncoder> encoder(new TlmEncoder(tlm, kernels));
  ELM_ASSIGN_OR_RETURN(encoder->weights_, ViewTlmWeights(tlm));
  ELM_ASSIGN_OR_RETURN(encoder->threads_, ThreadPool::Create(threads));
  ELM_RETURN_IF_ERROR(encoder->Allocate(threads));
  return encoder;
}

TlmEncoder::TlmEncoder(const BundleTlm& tlm, const KernelTable& kernels)
    : config_(tlm.settings.config), kernels_(kernels) {}

Status TlmEncoder::Allocate(uint32_t threads) {
  Status status;
  const auto allocate = [&status](AlignedBuffer<float>& buffer, uint64_t rows, uint64_t columns) {
    auto allocated = AlignedBuffer<float>::Create({rows, columns}, "tiny LM's scratch memory");
    if (allocated.ok()) {
      buffer = std::move(*allocated);
    } else if (status.ok()) {
      status = allocated.status();
    }
  };
  const uint64_t positions = config_.positions;
  allocate(shared_, positions, config_.hidden);
  allocate(states_, positions, config_.hidden);
  allocate(queries_, positions, config_.bottleneck);
  allocate(inputs_, positions, config_.bottleneck);
  for (KeysAndValues& kv : kv_) {
    allocate(kv.keys, AlignUp(positions, kKeyBlock), config_.bottleneck);
    allocate(kv.values, positions, config_.bottleneck);
  }
  const uint64_t widest = std::max(
      {config_.embedding_inputs(), config_.hidden, config_.intermediate, config_.bottleneck});
  scratch_.resize(threads);
  for (ThreadScratch& each : scratch_) {
    allocate(each.words, kChunkTokens + 2, config_.embedding);
    allocate(each.wide, kChunkTokens, widest);
    allocate(each.narrow, kChunkTokens, config_.bottleneck);
    allocate(each.narrow_too, kChunkTokens, config_.bottleneck);
    allocate(each.table_row, 1, config_.hidden);
    allocate(each.scores, 1, AttentionScratch(positions));
    ELM_RETURN_IF_ERROR(status);
    ELM_ASSIGN_OR_RETURN(each.inputs, InputBuffer::Create(kChunkTokens, widest));
  }
  // A block of keys that is not full holds numbers all the same.
  for (KeysAndValues& kv : kv_) std::fill_n(kv.keys.data(), kv.keys.size(), 0.0F);
  return status;
}

uint64_t TlmEncoder::scratch_bytes() const {
  uint64_t sum = shared_.bytes() + states_.bytes() + queries_.bytes() + inputs_.bytes();
  for (const KeysAndValues& kv : kv_) sum += kv.keys.bytes() + kv.values.bytes();
  for (const ThreadScratch& each : scratch_) {
    sum += each.words.bytes() + each.wide.bytes() + each.narrow.bytes() + each.narrow_too.bytes() +
           each.table_row.bytes() + each.scores.bytes() + each.inputs.bytes();
  }
  return sum;
}

template <typename Work>
void TlmEncoder::ForEachChunk(const Work& work) {
  const size_t share = AlignUp(CeilDiv(tokens_, threads_->threads()), kernels_.block_tokens);
  const size_t chunk = std::clamp(share, kSmallestChunk, kChunkTokens);
  threads_->ForEachRange(CeilDiv(tokens_, chunk), 1, [&](size_t thread, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const size_t first = i * chunk;
      work(Step(*this, thread, {first, std::min(chunk, tokens_ - first)}));
    }
  });
}

void TlmEncoder::RunLayers(std::span<const TlmLayer> layers, AlignedBuffer<float>& states,
                           bool first_only) {
  if (layers.empty()) return;
  ForEachChunk([&](Step step) { step.Prepare(layers[0], states.data(), kv_[0]); });
  for (size_t i = 0; i + 1 < layers.size(); ++i) {
    // No chunk writes what another still reads: keys and values of two layers lie apart.
    ForEachChunk([&](Step step) {
      step.Finish(layers[i], kv_[i % 2], states.data());
      step.Prepare(layers[i + 1], states.data(), kv_[(i + 1) % 2]);
    });
  }
  KeysAndValues& last = kv_[(layers.size() - 1) % 2];
  if (first_only) return Step(*this, 0, {0, 1}).Finish(layers.back(), last, states.data());
  ForEachChunk([&](Step step) { step.Finish(layers.back(), last, states.data()); });
}

void TlmEncoder::RunShared(std::span<const uint32_t> ids, std::span<const uint32_t> token_types) {
  tokens_ = ids.size();
  ForEachChunk([&](Step step) { step.Embed(ids, token_types, shared_.data()); });
  RunLayers(weights_.shared, shared_, /*first_only=*/false);
}

const float* TlmEncoder::RunBranch(TlmBranch branch, bool first_only) {
  std::memcpy(states_.data(), shared_.data(), tokens_ * config_.hidden * sizeof(float));
  if (branch == TlmBranch::kScore) RunLayers(weights_.score, states_, first_only);
  if (branch == TlmBranch::kDecision) RunLayers(weights_.decision, states_, first_only);
  return states_.data();
}

void TlmEncoder::Apply(const TlmLinear& linear, const float* states, size_t rows, float* outputs) {
  const Matrix& matrix = linear.matrix;
  InputBuffer& buffer = scratch_[0].inputs;
  for (size_t first = 0; first < rows; first += kChunkTokens) {
    const size_t count = std::min(kChunkTokens, rows - first);
    const InputRows from = {states + first * config_.hidden, config_.hidden};
    const Inputs inputs = buffer.Describe(kernels_, matrix, config_.hidden, count, from);
    InputBuffer::Fill(kernels_, inputs, 0, count);
    float* to = outputs + first * matrix.rows;
    kernels_.product({.matrix = &matrix,
                      .inputs = &inputs,
                      .kept_outputs = matrix.rows,
                      .kept_inputs = config_.hidden,
                      .first_tile_row = 0,
                      .end_tile_row = matrix.tile_rows(),
                      .accumulate = false,
                      .outputs = {to, matrix.rows}});
    for (size_t t = 0; t < count; ++t) {
      for (size_t i = 0; i < matrix.rows; ++i) to[t * matrix.rows + i] += linear.bias[i];
    }
  }
}

}  // namespace elm
