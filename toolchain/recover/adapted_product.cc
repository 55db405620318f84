#include "toolchain/recover/adapted_product.h"

namespace elm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

int64_t OutputsOf(at::TensorList weights) {
  int64_t outputs = 0;
  for (const torch::Tensor& weight : weights) outputs += weight.size(0);
  return outputs;
}

// The products of the frozen weights alone.
torch::Tensor Frozen(const torch::Tensor& input, at::TensorList weights) {
  if (weights.size() == 1) return torch::mm(input, weights.front().t());
  torch::Tensor outputs = torch::empty({input.size(0), OutputsOf(weights)}, input.options());
  int64_t begin = 0;
  for (const torch::Tensor& weight : weights) {
    torch::Tensor part = outputs.narrow(1, begin, weight.size(0));
    torch::mm_out(part, input, weight.t());
    begin += weight.size(0);
  }
  return outputs;
}

// What A reads of the input.
torch::Tensor Read(const torch::Tensor& input, const AdapterDropout& dropout) {
  if (dropout.rate == 0) return input;
  return input * DropoutMask(dropout, input.size(0), input.size(1), input.options());
}

// input_gradient += mask * (low_gradient A).
void AddThroughA(const torch::Tensor& low_gradient, const torch::Tensor& a,
                 const AdapterDropout& dropout, torch::Tensor& input_gradient) {
  if (dropout.rate == 0) {
    input_gradient.addmm_(low_gradient, a);
    return;
  }
  const torch::Tensor mask = DropoutMask(dropout, input_gradient.size(0), input_gradient.size(1),
                                         input_gradient.options());
  input_gradient.addcmul_(torch::mm(low_gradient, a), mask);
}

// LibTorch follows lists of inputs only when they are an at::TensorList.
class AdaptedProductFunction : public torch::autograd::Function<AdaptedProductFunction> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& input,
                               const torch::Tensor& a, at::TensorList bs, at::TensorList weights,
                               double scale, double rate, int64_t key) {
    const AdapterDropout dropout{rate, static_cast<uint64_t>(key)};
    // [rows, parts * r]
    const torch::Tensor low = torch::mm(Read(input, dropout), a.to(input.scalar_type()).t());
    torch::Tensor outputs = Frozen(input, weights);
    int64_t begin = 0;
    for (size_t i = 0; i < bs.size(); ++i) {
      const int64_t rank = bs[i].size(1);
      outputs.narrow(1, begin, bs[i].size(0))
          .addmm_(low.narrow(1, static_cast<int64_t>(i) * rank, rank),
                  bs[i].to(input.scalar_type()).t(), 1.0, scale);
      begin += bs[i].size(0);
    }
    tensor_list saved = {input, a, low};
    saved.insert(saved.end(), bs.begin(), bs.end());
    saved.insert(saved.end(), weights.begin(), weights.end());
    context->save_for_backward(saved);
    context->saved_data["scale"] = scale;
    context->saved_data["rate"] = rate;
    context->saved_data["key"] = key;
    context->saved_data["input"] = input.requires_grad();
    return outputs;
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const tensor_list saved = context->get_saved_variables();
    const torch::Tensor& input = saved[0];
    const torch::Tensor& a = saved[1];
    const torch::Tensor& low = saved[2];
    const size_t parts = (saved.size() - 3) / 2;
    const double scale = context->saved_data["scale"].toDouble();
    const AdapterDropout dropout{context->saved_data["rate"].toDouble(),
                                 static_cast<uint64_t>(context->saved_data["key"].toInt())};
    const bool to_input = context->saved_data["input"].toBool();
    const torch::Tensor outgoing = gradients[0].contiguous();

    tensor_list b_gradients;
    torch::Tensor low_gradient = torch::empty_like(low);
    torch::Tensor input_gradient;
    int64_t begin = 0;
    for (size_t i = 0; i < parts; ++i) {
      const torch::Tensor& b = saved[3 + i];
      const torch::Tensor& weight = saved[3 + parts + i];
      const int64_t rank = b.size(1);
      const auto at = static_cast<int64_t>(i) * rank;
      const torch::Tensor part = outgoing.narrow(1, begin, b.size(0));
      begin += b.size(0);
      b_gradients.push_back(torch::mm(part.t(), low.narrow(1, at, rank)).to(torch::kFloat32) *
                            scale);
      low_gradient.narrow(1, at, rank).copy_(torch::mm(part, b.to(part.scalar_type())) * scale);
      if (!to_input) continue;
      if (input_gradient.defined()) {
        input_gradient.addmm_(part, weight);
      } else {
        input_gradient = torch::mm(part, weight);
      }
    }
    if (to_input) AddThroughA(low_gradient, a.to(low.scalar_type()), dropout, input_gradient);
    // The mask is drawn once more rather than kept: it is as large as the input.
    tensor_list result = {input_gradient,
                          torch::mm(low_gradient.t(), Read(input, dropout)).to(torch::kFloat32)};
    result.insert(result.end(), b_gradients.begin(), b_gradients.end());
    result.resize(2 + 2 * parts + 3);  // none to the weights, the scale and the dropout
    return result;
  }
};

}  // namespace

torch::Tensor AdaptedProduct(const torch::Tensor& input, const std::vector<ProductPart>& parts,
                             const torch::Tensor& a, double scale, const AdapterDropout& dropout) {
  tensor_list weights;
  tensor_list bs;
  for (const ProductPart& part : parts) {
    TORCH_CHECK(!part.weight.requires_grad(), "AdaptedProduct gives no gradient to the weights");
    weights.push_back(part.weight);
    if (a.defined()) bs.push_back(part.b);
  }
  if (!a.defined()) {
    TORCH_CHECK(!input.requires_grad() || !torch::GradMode::is_enabled(),
                "without adapter there is no gradient");
    return Frozen(input, weights);
  }
  // What is left counts for what was dropped.
  return AdaptedProductFunction::apply(input, a, at::TensorList(bs), at::TensorList(weights),
                                       scale / (1 - dropout.rate), dropout.rate,
                                       static_cast<int64_t>(dropout.key));
}

}  // namespace elm
