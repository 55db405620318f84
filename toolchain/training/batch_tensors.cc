#include "toolchain/training/batch_tensors.h"

namespace elm {

double RoleWeight(TokenRole role, double context_weight) {
  switch (role) {
    case TokenRole::kIgnored:
      return 0;
    case TokenRole::kContext:
      return context_weight;
    case TokenRole::kAnswer:
    case TokenRole::kDocument:
      break;
  }
  return 1;
}

BatchTensors ToTensors(const MicroBatch& batch, const ModelConfig& config, double context_weight,
                       double scale, torch::Device device) {
  std::vector<float> weights;
  for (const TokenRole role : batch.roles) {
    weights.push_back(static_cast<float>(RoleWeight(role, context_weight) * scale));
  }
  return {torch::tensor(batch.ids, torch::kInt64).to(device),
          torch::tensor(batch.targets, torch::kInt64).to(device),
          torch::tensor(weights, torch::kFloat32).to(device),
          SequenceLayout(batch.spans, config.head_dim, config.rope_theta, device)};
}

}  // namespace elm
