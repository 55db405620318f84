#include "runtime/engine/forward.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "runtime/kernels/rope.h"

namespace elm {
namespace {

constexpr size_t kLanes = Matrix::kTileRows;

// Kernels work on pairs of tile rows.
constexpr size_t kTileRowStep = 2;

// What an adapter adds to a product.
struct SideBranch {
  const Matrix* b = nullptr;  // none
  Inputs low;                 // scale * A x
};

// One of several products that are shared among the threads together.
struct Part {
  const Matrix* matrix;
  size_t kept_outputs;
  OutputRows outputs;
  SideBranch side = {};

  size_t tile_rows() const { return (kept_outputs + kLanes - 1) / kLanes; }
};

// One block of tokens on its way through the layers.
class Block {
 public:
  Block(const ForwardModel& model, Scratch& scratch, uint32_t tokens)
      : model_(model), config_(model.config), scratch_(scratch), tokens_(tokens) {}

  void Embed(std::span<const uint32_t> ids) {
    const size_t width = config_.width;
    for (uint32_t t = 0; t < tokens_; ++t) {
      DecodeRow(model_.weights.embedding, ids[t], scratch_.residual.data() + t * width);
    }
  }

  void RunLayers(KvCache& cache) {
    PrepareRope(cache.length());
    for (uint32_t layer = 0; layer < config_.layers; ++layer) {
      const LayerSlice& slice = model_.level.layers[layer];
      if (slice.query_heads > 0) AddAttention(layer, slice, cache);
      if (slice.neurons > 0) AddMlp(layer, slice);
    }
  }

  void Logits(uint32_t first) {
    const size_t width = config_.width;
    const float* residual = scratch_.residual.data() + first * width;
    const Inputs inputs = Normalise(model_.weights.head, residual, model_.weights.final_norm);
    Multiply(inputs, width,
             {{&model_.weights.head, config_.vocab, {scratch_.logits.data(), config_.vocab}}});
  }

 private:
  void PrepareRope(uint32_t start) {
    const size_t half = config_.head_dim / 2;
    for (uint32_t t = 0; t < tokens_; ++t) {
      RopeAngles(model_.rope_frequencies, start + t, scratch_.cosines.data() + t * half,
                 scratch_.sines.data() + t * half);
    }
  }

  // norm(rows), ready to be multiplied with `matrix`. rows: [T, width].
  Inputs Normalise(const Matrix& matrix, const float* rows, const float* norm) {
    const size_t width = config_.width;
    const Inputs inputs = scratch_.inputs.Describe(model_.kernels, matrix, width, tokens_,
                                                   {scratch_.normed.data(), width});
    model_.threads.ForEachRange(tokens_, kTokenStep, [&](size_t, size_t begin, size_t end) {
      for (size_t t = begin; t < end; ++t) {
        model_.kernels.rms_norm(rows + t * width, norm, width, config_.rms_epsilon,
                                scratch_.normed.data() + t * width);
      }
      InputBuffer::Fill(model_.kernels, inputs, begin, end);
    });
    return inputs;
  }

  // Ready to be multiplied with `matrix`: the first `columns` of each row.
  Inputs Convert(const Matrix& matrix, size_t columns, InputRows rows) {
    const Inputs inputs = scratch_.inputs.Describe(model_.kernels, matrix, columns, tokens_, rows);
    if (inputs.form == InputForm::kRows) return inputs;
    model_.threads.ForEachRange(tokens_, kTokenStep, [&](size_t, size_t begin, size_t end) {
      InputBuffer::Fill(model_.kernels, inputs, begin, end);
    });
    return inputs;
  }

  void MultiplyRange(const Inputs& inputs, const Part& part, size_t kept_inputs, size_t begin,
                     size_t end, bool accumulate) {
    Product product = {.matrix = part.matrix,
                       .inputs = &inputs,
                       .kept_outputs = part.kept_outputs,
                       .kept_inputs = kept_inputs,
                       .first_tile_row = begin,
                       .end_tile_row = end,
                       .accumulate = accumulate,
                       .outputs = part.outputs};
    model_.kernels.product(product);
    if (part.side.b == nullptr) return;
    product.matrix = part.side.b;
    product.inputs = &part.side.low;
    product.kept_inputs = part.side.b->columns;
    product.accumulate = true;
    model_.kernels.product(product);
  }

  // scale * A rows of one A of the layer's adapter, as inputs of the Bs that belong to it, in the
  // order in which they stand in A. Without an adapter they are empty. rows: [T, columns].
  template <size_t kCount>
  std::array<SideBranch, kCount> ProjectLow(uint32_t layer, AdapterPart part, InputRows rows,
                                            size_t columns, const AdapterPart (&b_parts)[kCount]) {
    std::array<SideBranch, kCount> sides;
    if (model_.adapter == nullptr) return sides;
    const AdapterLayer& matrices = model_.adapter->layers[layer];
    const Matrix& a = matrices[static_cast<size_t>(part)];
    const size_t rank = model_.adapter->rank;
    const size_t stride = kCount * rank;
    float* low = scratch_.low.data();
    model_.threads.ForEachRange(tokens_, kTokenStep, [&](size_t, size_t begin, size_t end) {
      const Inputs inputs = InputBuffer::InPlace(columns, end - begin,
                                                 {rows.data + begin * rows.stride, rows.stride});
      const Part part = {&a, stride, {low + begin * stride, stride}};
      MultiplyRange(inputs, part, columns, 0, part.tile_rows(), /*accumulate=*/false);
      for (size_t i = begin * stride; i < end * stride; ++i) low[i] *= model_.adapter->scale;
    });
    for (size_t i = 0; i < kCount; ++i) {
      sides[i].b = &matrices[static_cast<size_t>(b_parts[i])];
      sides[i].low = InputBuffer::InPlace(rank, tokens_, {low + i * rank, stride});
    }
    return sides;
  }

  // All parts, their tile rows shared among the threads as if they were one matrix.
  void Multiply(const Inputs& inputs, size_t kept_inputs, std::initializer_list<Part> parts,
                bool accumulate = false) {
    size_t count = 0;
    for (const Part& part : parts) count += part.tile_rows();
    model_.threads.ForEachRange(count, kTileRowStep, [&](size_t, size_t begin, size_t end) {
      size_t first = 0;
      for (const Part& part : parts) {
        const size_t last = first + part.tile_rows();
        const size_t from = std::max(begin, first);
        const size_t to = std::min(end, last);
        if (from < to) {
          MultiplyRange(inputs, part, kept_inputs, from - first, to - first, accumulate);
        }
        first = last;
      }
    });
  }

  // Rotates the first `heads` heads of every token. rows: [T, stride].
  void Rotate(float* rows, size_t stride, size_t first_head, size_t end_head) {
    const size_t head_dim = config_.head_dim;
    for (uint32_t t = 0; t < tokens_; ++t) {
      const float* cosines = scratch_.cosines.data() + t * (head_dim / 2);
      const float* sines = scratch_.sines.data() + t * (head_dim / 2);
      for (size_t head = first_head; head < end_head; ++head) {
        model_.kernels.rope(cosines, sines, head_dim, rows + t * stride + head * head_dim);
      }
    }
  }

  void StoreKeysAndValues(uint32_t layer, uint32_t kv_heads, KvCache& cache) {
    const size_t head_dim = config_.head_dim;
    const size_t kv_width = config_.kv_width();
    const auto store = [&](size_t, size_t begin, size_t end) {
      Rotate(scratch_.key.data(), kv_width, begin, end);
      for (size_t head = begin; head < end; ++head) {
        const auto index = static_cast<uint32_t>(head);
        for (uint32_t t = 0; t < tokens_; ++t) {
          const size_t source = t * kv_width + head * head_dim;
          model_.kernels.store_kv[KindOf(cache)](
              scratch_.key.data() + source, scratch_.value.data() + source, head_dim,
              cache.length() + t, cache.keys(layer, index), cache.values(layer, index));
        }
      }
    };
    if (tokens_ == 1) return store(0, 0, kv_heads);
    model_.threads.ForEachRange(kv_heads, 1, store);
  }

  // Each token sees itself and everything before it.
  void AttendAllHeads(uint32_t layer, uint32_t query_heads, KvCache& cache) {
    const size_t head_dim = config_.head_dim;
    const size_t query_width = config_.query_width();
    const size_t scratch = AttentionScratch(cache.context());
    model_.threads.ForEachRange(query_heads, 1, [&](size_t thread, size_t begin, size_t end) {
      Rotate(scratch_.query.data(), query_width, begin, end);
      for (size_t head = begin; head < end; ++head) {
        const uint32_t kv_head = model_.weights.layers[layer].kv_of[head];
        model_.kernels.attend[KindOf(cache)]({.queries = scratch_.query.data() + head * head_dim,
                                              .query_stride = query_width,
                                              .keys = cache.keys(layer, kv_head),
                                              .values = cache.values(layer, kv_head),
                                              .head_dim = head_dim,
                                              .start = cache.length(),
                                              .tokens = tokens_,
                                              .scores = scratch_.scores.data() + thread * scratch,
                                              .outputs = scratch_.attended.data() + head * head_dim,
                                              .output_stride = query_width});
      }
    });
  }

  // residual += O attention(norm(residual)), over the kept heads.
  void AddAttention(uint32_t layer, const LayerSlice& slice, KvCache& cache) {
    const LayerWeights& weights = model_.weights.layers[layer];
    const size_t width = config_.width;
    const size_t query_width = config_.query_width();
    const size_t kv_width = config_.kv_width();
    const size_t kept_query = size_t{slice.query_heads} * config_.head_dim;
    const size_t kept_kv = size_t{slice.kv_heads} * config_.head_dim;

    const Inputs normed =
        Normalise(weights.query, scratch_.residual.data(), weights.attention_norm);
    const auto sides =
        ProjectLow(layer, AdapterPart::kAttentionA, {scratch_.normed.data(), width}, width,
                   {AdapterPart::kQueryB, AdapterPart::kKeyB, AdapterPart::kValueB});
    Multiply(normed, width,
             {{&weights.query, kept_query, {scratch_.query.data(), query_width}, sides[0]},
              {&weights.key, kept_kv, {scratch_.key.data(), kv_width}, sides[1]},
              {&weights.value, kept_kv, {scratch_.value.data(), kv_width}, sides[2]}});
    StoreKeysAndValues(layer, slice.kv_heads, cache);
    AttendAllHeads(layer, slice.query_heads, cache);
    const InputRows attended = {scratch_.attended.data(), query_width};
    const auto [side] =
        ProjectLow(layer, AdapterPart::kOutputA, attended, kept_query, {AdapterPart::kOutputB});
    Multiply(Convert(weights.output, kept_query, attended), kept_query,
             {{&weights.output, width, {scratch_.residual.data(), width}, side}},
             /*accumulate=*/true);
  }

  // residual += down(silu(gate(norm(residual))) * up(norm(residual))), over the kept neurons.
  void AddMlp(uint32_t layer, const LayerSlice& slice) {
    const LayerWeights& weights = model_.weights.layers[layer];
    const size_t width = config_.width;
    const size_t neurons = config_.neurons;
    const Inputs normed = Normalise(weights.gate, scratch_.residual.data(), weights.mlp_norm);
    const auto sides = ProjectLow(layer, AdapterPart::kMlpA, {scratch_.normed.data(), width}, width,
                                  {AdapterPart::kGateB, AdapterPart::kUpB});
    const Part gate = {&weights.gate, slice.neurons, {scratch_.gate.data(), neurons}, sides[0]};
    const Part up = {&weights.up, slice.neurons, {scratch_.up.data(), neurons}, sides[1]};
    const size_t count = gate.tile_rows();
    model_.threads.ForEachRange(count, kTileRowStep, [&](size_t, size_t begin, size_t end) {
      MultiplyRange(normed, gate, width, begin, end, false);
      MultiplyRange(normed, up, width, begin, end, false);
      const size_t first = begin * kLanes;
      const size_t last = std::min<size_t>(end * kLanes, slice.neurons);
      for (uint32_t t = 0; t < tokens_; ++t) {
        model_.kernels.swiglu(scratch_.gate.data() + t * neurons + first,
                              scratch_.up.data() + t * neurons + first, last - first);
      }
    });
    const InputRows activated = {scratch_.gate.data(), neurons};
    const auto [side] =
        ProjectLow(layer, AdapterPart::kDownA, activated, slice.neurons, {AdapterPart::kDownB});
    Multiply(Convert(weights.down, slice.neurons, activated), slice.neurons,
             {{&weights.down, width, {scratch_.residual.data(), width}, side}},
             /*accumulate=*/true);
  }

  static size_t KindOf(const KvCache& cache) { return static_cast<size_t>(cache.type()); }

  static constexpr size_t kTokenStep = 8;

  const ForwardModel& model_;
  const ModelConfig& config_;
  Scratch& scratch_;
  uint32_t tokens_;
};

}  // namespace

Result<Scratch> Scratch::Create(const ModelConfig& config, uint32_t context, size_t threads,
                                uint32_t largest_rank) {
  Scratch scratch;
  Status status;
  const auto allocate = [&status](AlignedBuffer<float>& buffer, uint64_t rows, uint64_t columns) {
    auto allocated = AlignedBuffer<float>::Create({rows, columns}, "scratch memory");
    if (allocated.ok()) {
      buffer = std::move(*allocated);
    } else if (status.ok()) {
      status = allocated.status();
    }
  };
  scratch.block_tokens = std::min(kBlockTokens, context);
  const uint64_t tokens = scratch.block_tokens;
  allocate(scratch.residual, tokens, config.width);
  allocate(scratch.normed, tokens, config.width);
  allocate(scratch.query, tokens, config.query_width());
  allocate(scratch.key, tokens, config.kv_width());
  allocate(scratch.value, tokens, config.kv_width());
  allocate(scratch.attended, tokens, config.query_width());
  allocate(scratch.gate, tokens, config.neurons);
  allocate(scratch.up, tokens, config.neurons);
  allocate(scratch.scores, threads, AttentionScratch(context));
  allocate(scratch.cosines, tokens, config.head_dim / 2);
  allocate(scratch.sines, tokens, config.head_dim / 2);
  allocate(scratch.logits, kLogitRows, config.vocab);
  if (!status.ok()) return status;
  const size_t widest = std::max<size_t>({config.width, config.query_width(), config.neurons});
  ELM_ASSIGN_OR_RETURN(scratch.inputs, InputBuffer::Create(tokens, widest));
  if (largest_rank == 0) return scratch;
  ELM_ASSIGN_OR_RETURN(scratch.low,
                       AlignedBuffer<float>::Create({tokens, 3 * largest_rank}, "scratch memory"));
  return scratch;
}

uint64_t Scratch::bytes() const {
  uint64_t sum = 0;
  for (const AlignedBuffer<float>* buffer :
       {&residual, &normed, &query, &key, &value, &attended, &gate, &up, &scores, &cosines, &sines,
        &logits, &low}) {
    sum += buffer->bytes();
  }
  return sum + inputs.bytes();
}

void Scratch::Trim() {
  for (AlignedBuffer<float>* buffer : {&residual, &normed, &query, &key, &value, &attended, &gate,
                                       &up, &scores, &cosines, &sines, &low}) {
    buffer->Discard();
  }
  inputs.Discard();
}

void ForwardBlock(const ForwardModel& model, std::span<const uint32_t> ids, KvCache& cache,
                  Scratch& scratch) {
  const auto tokens = static_cast<uint32_t>(ids.size());
  Block block(model, scratch, tokens);
  block.Embed(ids);
  block.RunLayers(cache);
  cache.Advance(tokens);
}

void ComputeLogits(const ForwardModel& model, uint32_t first, uint32_t rows, Scratch& scratch) {
  Block(model, scratch, rows).Logits(first);
}

}  // namespace elm
