#include "toolchain/training/operations.h"

#include <algorithm>
#include <numeric>

#include "toolchain/model/attention.h"
#include "toolchain/training/bf16_kernels.h"
#include "toolchain/training/fused.h"

namespace elm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Rows whose logits exist at once.
constexpr int64_t kLossRows = 1024;

uint16_t* Halves(const torch::Tensor& tensor) { return static_cast<uint16_t*>(tensor.data_ptr()); }
float* Floats(const torch::Tensor& tensor) { return tensor.data_ptr<float>(); }

class AddNormFunction : public torch::autograd::Function<AddNormFunction> {
 public:
  static tensor_list forward(AutogradContext* context, const torch::Tensor& stream,
                             const torch::Tensor& branch, const torch::Tensor& weight,
                             double epsilon) {
    const int64_t rows = stream.size(0);
    const int64_t width = stream.size(1);
    torch::Tensor sum = torch::empty_like(stream);
    torch::Tensor normed = torch::empty(stream.sizes(), stream.options().dtype(torch::kBFloat16));
    torch::Tensor inverse_rms = torch::empty({rows}, stream.options());
    ForRowRuns(rows, [&](int64_t, int64_t begin, int64_t end) {
      Bf16AddNorm({end - begin, width, static_cast<float>(epsilon), Floats(weight)},
                  {.stream = Floats(stream) + begin * width,
                   .branch = branch.numel() > 0 ? Halves(branch) + begin * width : nullptr,
                   .sum = Floats(sum) + begin * width,
                   .normed = Halves(normed) + begin * width,
                   .inverse_rms = Floats(inverse_rms) + begin});
    });
    context->set_materialize_grads(false);
    context->save_for_backward({sum, inverse_rms, weight});
    context->saved_data["branch"] = branch.numel() > 0;
    return {sum, normed};
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const tensor_list saved = context->get_saved_variables();
    const torch::Tensor& sum = saved[0];
    const int64_t width = sum.size(1);
    const bool has_branch = context->saved_data["branch"].toBool();
    const torch::Tensor sum_gradient =
        gradients[0].defined() ? gradients[0].contiguous() : torch::Tensor();
    const torch::Tensor normed_gradient = gradients[1].contiguous();
    torch::Tensor stream_gradient = torch::empty_like(sum);
    torch::Tensor branch_gradient =
        has_branch ? torch::empty_like(normed_gradient) : torch::Tensor();
    torch::Tensor weight_gradients = torch::zeros({kRowRuns, width}, sum.options());
    ForRowRuns(sum.size(0), [&](int64_t run, int64_t begin, int64_t end) {
      const int64_t at = begin * width;
      Bf16AddNormGradient(
          {end - begin, width, 0.0F, Floats(saved[2])},
          {.sum = Floats(sum) + at,
           .inverse_rms = Floats(saved[1]) + begin,
           .sum_gradient = sum_gradient.defined() ? Floats(sum_gradient) + at : nullptr,
           .normed_gradient = Halves(normed_gradient) + at,
           .stream_gradient = Floats(stream_gradient) + at,
           .branch_gradient = has_branch ? Halves(branch_gradient) + at : nullptr,
           .weight_gradient = Floats(weight_gradients) + run * width});
    });
    return {stream_gradient, branch_gradient, weight_gradients.sum(0), torch::Tensor()};
  }
};

NormedStream PlainAddNorm(const torch::Tensor& stream, const torch::Tensor& branch,
                          const torch::Tensor& weight, double epsilon, torch::Dtype dtype) {
  const torch::Tensor sum = branch.defined() ? stream + branch : stream;
  const torch::Tensor scale = torch::rsqrt(sum.square().mean(-1, /*keepdim=*/true) + epsilon);
  return {sum, (sum * scale * weight).to(dtype)};
}

class SwiGluFunction : public torch::autograd::Function<SwiGluFunction> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& gate_up) {
    const int64_t neurons = gate_up.size(1) / 2;
    torch::Tensor inner = torch::empty({gate_up.size(0), neurons}, gate_up.options());
    ForRowRuns(gate_up.size(0), [&](int64_t, int64_t begin, int64_t end) {
      Bf16SwiGlu(end - begin, neurons, Halves(gate_up) + begin * 2 * neurons,
                 Halves(inner) + begin * neurons);
    });
    context->save_for_backward({gate_up});
    return inner;
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const torch::Tensor gate_up = context->get_saved_variables()[0];
    const torch::Tensor inner_gradient = gradients[0].contiguous();
    const int64_t neurons = gate_up.size(1) / 2;
    torch::Tensor gradient = torch::empty_like(gate_up);
    ForRowRuns(gate_up.size(0), [&](int64_t, int64_t begin, int64_t end) {
      Bf16SwiGluGradient(end - begin, neurons, Halves(gate_up) + begin * 2 * neurons,
                         Halves(inner_gradient) + begin * neurons,
                         Halves(gradient) + begin * 2 * neurons);
    });
    return {gradient};
  }
};

// body(span, kv_head) for all of them. Heads are the outer loop: threads get equal shares of every
// sequence.
template <typename Body>
void ForHeadsAndSpans(const AttentionShape& shape, const std::vector<RowSpan>& spans,
                      const Body& body) {
  const auto count = static_cast<int64_t>(spans.size());
  at::parallel_for(0, shape.kv_heads * count, 1, [&](int64_t first, int64_t last) {
    for (int64_t task = first; task < last; ++task) {
      body(spans[static_cast<size_t>(task % count)], task / count);
    }
  });
}

AttentionTensors KernelInput(const torch::Tensor& packed, const AttentionShape& shape,
                             const SequenceLayout& layout) {
  return {.shape = shape,
          .cosine = Floats(layout.rotary().cosine()),
          .sine = Floats(layout.rotary().sine()),
          .packed = Halves(packed),
          .rows = packed.size(0)};
}

class AttentionFunction : public torch::autograd::Function<AttentionFunction> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& packed,
                               const AttentionShape& shape, const SequenceLayout* layout) {
    const int64_t rows = packed.size(0);
    torch::Tensor mixed =
        torch::empty({rows, shape.query_heads * shape.head_dim}, packed.options());
    torch::Tensor log_sums =
        torch::empty({shape.query_heads, rows}, packed.options().dtype(torch::kFloat32));
    const AttentionTensors tensors = KernelInput(packed, shape, *layout);
    ForHeadsAndSpans(shape, layout->spans(), [&](RowSpan span, int64_t kv_head) {
      Bf16Attend(tensors, span, kv_head, Halves(mixed), Floats(log_sums));
    });
    context->save_for_backward({packed, mixed, log_sums});
    context->saved_data["shape"] =
        std::vector<int64_t>{shape.query_heads, shape.kv_heads, shape.head_dim};
    context->saved_data["layout"] = reinterpret_cast<int64_t>(layout);
    return mixed;
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const tensor_list saved = context->get_saved_variables();
    const std::vector<int64_t> sizes = context->saved_data["shape"].toIntVector();
    const AttentionShape shape{sizes[0], sizes[1], sizes[2]};
    const auto& layout =
        *reinterpret_cast<const SequenceLayout*>(context->saved_data["layout"].toInt());
    const torch::Tensor mixed_gradient = gradients[0].contiguous();
    torch::Tensor packed_gradient = torch::empty_like(saved[0]);
    const AttentionTensors tensors = KernelInput(saved[0], shape, layout);
    ForHeadsAndSpans(shape, layout.spans(), [&](RowSpan span, int64_t kv_head) {
      Bf16AttendGradient(tensors, span, kv_head, Halves(saved[1]), Floats(saved[2]),
                         Halves(mixed_gradient), Halves(packed_gradient));
    });
    return {packed_gradient, torch::Tensor(), torch::Tensor()};
  }
};

// [rows, n] -> [sequences * longest, n], each sequence padded right, and the way back. The gradient
// of a selection would be a sum over an index, which takes a GPU long where the order must not
// matter; here each is the other's selection.
class PadRows : public torch::autograd::Function<PadRows> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& rows,
                               const SequenceLayout& layout) {
    context->saved_data["unpad"] = layout.unpad();
    return rows.index_select(0, layout.pad());
  }

  // Under causal attention nobody in front sees the padding: it has no gradient.
  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    return {gradients[0].index_select(0, context->saved_data["unpad"].toTensor()), torch::Tensor()};
  }
};

class UnpadRows : public torch::autograd::Function<UnpadRows> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& padded,
                               const SequenceLayout& layout) {
    context->saved_data["pad"] = layout.pad();
    context->saved_data["padding"] = layout.padding();
    return padded.index_select(0, layout.unpad());
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const torch::Tensor padded =
        gradients[0].index_select(0, context->saved_data["pad"].toTensor());
    return {padded.masked_fill(context->saved_data["padding"].toTensor(), 0), torch::Tensor()};
  }
};

// [rows, heads * head_dim] -> [sequences, heads, longest, head_dim].
torch::Tensor PadHeads(const torch::Tensor& rows, const SequenceLayout& layout, int64_t head_dim) {
  return PadRows::apply(rows, layout)
      .view({static_cast<int64_t>(layout.spans().size()), layout.longest(), -1, head_dim})
      .transpose(1, 2);
}

// Every head `group` times, one behind the other: [sequences, heads, longest, head_dim].
torch::Tensor RepeatHeads(const torch::Tensor& heads, int64_t group) {
  return group == 1 ? heads : heads.unsqueeze(2).expand({-1, -1, group, -1, -1}).flatten(1, 2);
}

torch::Tensor PlainAttention(const torch::Tensor& packed, const AttentionShape& shape,
                             const SequenceLayout& layout) {
  const int64_t head_dim = shape.head_dim;
  const std::vector<torch::Tensor> parts = packed.split_with_sizes(
      {shape.query_heads * head_dim, shape.kv_heads * head_dim, shape.kv_heads * head_dim}, 1);
  const Rotary& rotary = layout.rotary();
  const torch::Tensor query = rotary.Apply(PadHeads(parts[0], layout, head_dim));
  const torch::Tensor key = rotary.Apply(PadHeads(parts[1], layout, head_dim));
  const torch::Tensor value = PadHeads(parts[2], layout, head_dim);
  const int64_t group = shape.query_heads / shape.kv_heads;
  const torch::Tensor mixed =
      CausalAttention(query, RepeatHeads(key, group), RepeatHeads(value, group));
  return UnpadRows::apply(mixed.transpose(1, 2).reshape({-1, shape.query_heads * head_dim}),
                          layout);
}

class WeightedLossFunction : public torch::autograd::Function<WeightedLossFunction> {
 public:
  static tensor_list forward(AutogradContext* context, const torch::Tensor& hidden,
                             const torch::Tensor& head, const torch::Tensor& targets,
                             const torch::Tensor& weights) {
    const int64_t rows = hidden.size(0);
    torch::Tensor losses = torch::empty({rows}, weights.options());
    torch::Tensor hidden_gradient = torch::empty_like(hidden);
    torch::Tensor head_gradient = torch::zeros(head.sizes(), weights.options());
    for (int64_t begin = 0; begin < rows; begin += kLossRows) {
      const int64_t end = std::min(rows, begin + kLossRows);
      const torch::Tensor some = hidden.slice(0, begin, end);
      torch::Tensor logits = torch::mm(some, head.t());
      ForRowRuns(end - begin, [&](int64_t, int64_t first, int64_t last) {
        Bf16CrossEntropy(last - first, head.size(0), Halves(logits) + first * head.size(0),
                         targets.data_ptr<int64_t>() + begin + first,
                         Floats(weights) + begin + first, Floats(losses) + begin + first);
      });
      torch::Tensor target = hidden_gradient.slice(0, begin, end);
      torch::mm_out(target, logits, head);
      head_gradient += torch::mm(logits.t(), some);
    }
    context->save_for_backward({hidden_gradient, head_gradient});
    context->mark_non_differentiable({losses});
    return {(losses * weights).sum(), losses};
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const tensor_list saved = context->get_saved_variables();
    const torch::Tensor scale = gradients[0];
    return {saved[0] * scale.to(torch::kBFloat16), (saved[1] * scale).to(torch::kBFloat16),
            torch::Tensor(), torch::Tensor()};
  }
};

WeightedLosses PlainWeightedLoss(const torch::Tensor& hidden, const torch::Tensor& head,
                                 const torch::Tensor& targets, const torch::Tensor& weights) {
  const torch::Tensor logits = torch::mm(hidden, head.t()).to(torch::kFloat32);
  const torch::Tensor losses =
      torch::nll_loss(torch::log_softmax(logits, -1), targets, {}, at::Reduction::None);
  return {(losses * weights).sum(), losses.detach()};
}

}  // namespace

NormedStream AddNorm(const torch::Tensor& stream, const torch::Tensor& branch,
                     const torch::Tensor& weight, double epsilon, torch::Dtype dtype,
                     Kernels kernels) {
  if (!UsesFusedKernels(kernels, stream, dtype, stream.size(1))) {
    return PlainAddNorm(stream, branch, weight, epsilon, dtype);
  }
  // An operation's inputs must be defined.
  const torch::Tensor nothing = torch::empty({0}, weight.options().dtype(torch::kBFloat16));
  const tensor_list results =
      AddNormFunction::apply(stream, branch.defined() ? branch : nothing, weight, epsilon);
  return {results[0], results[1]};
}

torch::Tensor SwiGlu(const torch::Tensor& gate_up, Kernels kernels) {
  if (UsesFusedKernels(kernels, gate_up, gate_up.scalar_type(), gate_up.size(1) / 2)) {
    return SwiGluFunction::apply(gate_up);
  }
  const std::vector<torch::Tensor> halves = gate_up.chunk(2, 1);
  return torch::silu(halves[0]) * halves[1];
}

SequenceLayout::SequenceLayout(std::vector<RowSpan> spans, int64_t head_dim, double rope_theta,
                               torch::Device device)
    : spans_(std::move(spans)), rotary_(0, longest(), head_dim, rope_theta, device) {
  std::vector<int64_t> pad;
  std::vector<int64_t> unpad;
  for (const RowSpan& span : spans_) {
    for (int64_t i = 0; i < longest(); ++i) {
      if (i < span.length) unpad.push_back(static_cast<int64_t>(pad.size()));
      pad.push_back(span.begin + std::min(i, span.length - 1));
    }
  }
  torch::Tensor padding = torch::ones({static_cast<int64_t>(pad.size()), 1}, torch::kBool);
  unpad_ = torch::tensor(unpad, torch::kInt64);
  padding.index_fill_(0, unpad_, 0);
  pad_ = torch::tensor(pad, torch::kInt64).to(device);
  unpad_ = unpad_.to(device);
  padding_ = padding.to(device);
}

int64_t SequenceLayout::rows() const { return spans_.back().begin + spans_.back().length; }

int64_t SequenceLayout::longest() const {
  return std::max_element(spans_.begin(), spans_.end(),
                          [](const RowSpan& a, const RowSpan& b) { return a.length < b.length; })
      ->length;
}

torch::Tensor PackedAttention(const torch::Tensor& packed, const AttentionShape& shape,
                              const SequenceLayout& layout, Kernels kernels) {
  if (!UsesFusedKernels(kernels, packed, packed.scalar_type(), shape.head_dim)) {
    return PlainAttention(packed, shape, layout);
  }
  return AttentionFunction::apply(packed, shape, &layout);
}

WeightedLosses WeightedLoss(const torch::Tensor& hidden, const torch::Tensor& head,
                            const torch::Tensor& targets, const torch::Tensor& weights,
                            Kernels kernels) {
  if (!UsesFusedKernels(kernels, hidden, hidden.scalar_type(), head.size(0))) {
    return PlainWeightedLoss(hidden, head, targets, weights);
  }
  const tensor_list results = WeightedLossFunction::apply(hidden, head, targets, weights);
  return {results[0], results[1]};
}

}  // namespace elm
