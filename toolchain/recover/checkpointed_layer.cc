#include "toolchain/recover/checkpointed_layer.h"

#include <memory>
#include <vector>

namespace elm {
namespace {

using torch::autograd::tensor_list;

// The defined ones of an adapter's matrices, and the way back.
std::vector<torch::Tensor> Defined(const AdapterMatrices& adapter) {
  std::vector<torch::Tensor> defined;
  for (const torch::Tensor& matrix : adapter) {
    if (matrix.defined()) defined.push_back(matrix);
  }
  return defined;
}
AdapterMatrices Restore(const std::vector<bool>& present, at::ArrayRef<torch::Tensor> matrices) {
  AdapterMatrices adapter;
  size_t next = 0;
  for (size_t i = 0; i < adapter.size(); ++i) {
    if (present[i]) adapter[i] = matrices[next++];
  }
  return adapter;
}

// The inputs as leaves of a graph of their own.
tensor_list Detached(const tensor_list& inputs, const std::vector<bool>& differentiable) {
  tensor_list leaves;
  for (size_t i = 0; i < inputs.size(); ++i) {
    leaves.push_back(inputs[i].detach().set_requires_grad(differentiable[i]));
  }
  return leaves;
}

struct LayerRecord {
  std::shared_ptr<const LayerFunction> run;
  bool has_branch = false;
  std::vector<bool> present;  // which matrices of the adapter there are
};

std::pair<torch::Tensor, torch::Tensor> Call(const LayerRecord& record,
                                             at::ArrayRef<torch::Tensor> inputs) {
  const torch::Tensor branch = record.has_branch ? inputs[1] : torch::Tensor();
  return (*record.run)(inputs[0], branch,
                       Restore(record.present, inputs.slice(record.has_branch ? 2 : 1)));
}

// A node of the graph like those that LibTorch generates: torch::autograd::Function keeps only
// values that a script could hold.
class CheckpointNode : public torch::autograd::Node {
 public:
  LayerRecord record;
  std::vector<torch::autograd::SavedVariable> saved;
  std::vector<bool> differentiable;

  tensor_list apply(tensor_list&& gradients) override {
    tensor_list inputs;
    for (auto& variable : saved) inputs.push_back(variable.unpack());
    tensor_list leaves = Detached(inputs, differentiable);
    torch::Tensor sum;
    torch::Tensor branch;
    {
      const torch::AutoGradMode with_gradients(true);
      std::tie(sum, branch) = Call(record, leaves);
    }
    tensor_list outputs;
    tensor_list incoming;
    for (const auto& [output, gradient] :
         {std::pair(sum, gradients[0]), std::pair(branch, gradients[1])}) {
      if (!gradient.defined() || !output.requires_grad()) continue;
      outputs.push_back(output);
      incoming.push_back(gradient);
    }
    tensor_list wanted;
    for (const torch::Tensor& leaf : leaves) {
      if (leaf.requires_grad()) wanted.push_back(leaf);
    }
    const tensor_list found = torch::autograd::grad(outputs, wanted, incoming,
                                                    /*retain_graph=*/false,
                                                    /*create_graph=*/false, /*allow_unused=*/true);
    tensor_list result(leaves.size());
    size_t next = 0;
    for (size_t i = 0; i < leaves.size(); ++i) {
      if (leaves[i].requires_grad()) result[i] = found[next++];
    }
    return result;
  }

  void release_variables() override {
    for (auto& variable : saved) variable.reset_data();
  }
};

}  // namespace

std::pair<torch::Tensor, torch::Tensor> CheckpointedLayer(const LayerFunction& run,
                                                          const torch::Tensor& sum,
                                                          const torch::Tensor& branch,
                                                          const AdapterMatrices& adapter) {
  LayerRecord record{std::make_shared<LayerFunction>(run), branch.defined(), {}};
  for (const torch::Tensor& matrix : adapter) record.present.push_back(matrix.defined());
  tensor_list inputs = {sum};
  if (record.has_branch) inputs.push_back(branch);
  for (const torch::Tensor& matrix : Defined(adapter)) inputs.push_back(matrix);
  std::pair<torch::Tensor, torch::Tensor> outputs;
  {
    const torch::NoGradGuard no_grad;
    outputs = Call(record, inputs);
  }
  if (!torch::GradMode::is_enabled() || !torch::autograd::any_variable_requires_grad(inputs)) {
    return outputs;
  }
  auto node = std::shared_ptr<CheckpointNode>(new CheckpointNode, torch::autograd::deleteNode);
  node->record = std::move(record);
  for (const torch::Tensor& input : inputs) {
    node->differentiable.push_back(input.requires_grad());
    node->saved.emplace_back(input, /*is_output=*/false);
  }
  node->set_next_edges(torch::autograd::collect_next_edges(inputs));
  torch::autograd::create_gradient_edge(outputs.first, node);
  torch::autograd::create_gradient_edge(outputs.second, node);
  return outputs;
}

}  // namespace elm
