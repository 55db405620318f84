#include "toolchain/recover/adapter_parameters.h"

#include <algorithm>
#include <cmath>

#include "toolchain/base/error.h"

namespace elm {
namespace {

// Sides of the products that an adapter of this level stands beside.
struct Side {
  const char* name;
  uint64_t size;
};

void CheckRank(const ModelConfig& config, const Level& level, uint32_t rank) {
  if (rank < 1 || rank > layout::kMaxAdapterRank) {
    throw Error(InvalidArgument("the adapters' rank is ", rank, ", expected 1 to ",
                                layout::kMaxAdapterRank));
  }
  for (size_t layer = 0; layer < level.layers.size(); ++layer) {
    const LayerSlice& slice = level.layers[layer];
    for (const Side side : {Side{"query rows", uint64_t{slice.query_heads} * config.head_dim},
                            Side{"key rows", uint64_t{slice.kv_heads} * config.head_dim},
                            Side{"neurons", slice.neurons}, Side{"columns", config.width}}) {
      if (side.size == 0 || side.size >= rank) continue;
      throw Error(InvalidArgument("level ", LevelName(level.name_permille), ", layer ", layer,
                                  ": keeps ", side.size, " ", side.name,
                                  ", fewer than the adapters' rank of ", rank,
                                  "; choose a smaller --recover-rank or leave the level out"));
    }
  }
}

}  // namespace

bool IsDownProjection(AdapterPart part) {
  return part == AdapterPart::kAttentionA || part == AdapterPart::kOutputA ||
         part == AdapterPart::kMlpA || part == AdapterPart::kDownA;
}

AdapterParameters::AdapterParameters(const ModelConfig& config, const Level& level, uint32_t rank,
                                     double alpha)
    : rank_(rank), scale_(alpha / rank), layers_(config.layers) {
  CheckRank(config, level, rank);
  for (const AdapterTensor& tensor : PlanAdapter(config, level, rank).tensors) {
    matrices_.push_back({tensor.part, tensor.layer, count_,
                         static_cast<int64_t>(tensor.layout.rows),
                         static_cast<int64_t>(tensor.layout.columns)});
    count_ += matrices_.back().rows * matrices_.back().columns;
  }
}

torch::Tensor AdapterParameters::MatrixOf(const torch::Tensor& flat, const Matrix& matrix) const {
  return flat.narrow(0, matrix.offset, matrix.rows * matrix.columns)
      .view({matrix.rows, matrix.columns});
}

torch::Tensor AdapterParameters::Initial(uint64_t seed, torch::Device device) const {
  const torch::NoGradGuard no_grad;
  torch::Generator generator = at::detail::createCPUGenerator(seed);
  torch::Tensor flat = torch::zeros({count_}, torch::kFloat32);
  for (const Matrix& matrix : matrices_) {
    if (!IsDownProjection(matrix.part)) continue;
    const double bound = 1.0 / std::sqrt(static_cast<double>(matrix.columns));
    MatrixOf(flat, matrix).uniform_(-bound, bound, generator);
  }
  return flat.to(device);
}

LoraAdapter AdapterParameters::View(const torch::Tensor& flat) const {
  LoraAdapter adapter{rank_, scale_, std::vector<AdapterMatrices>(layers_)};
  for (const Matrix& matrix : matrices_) {
    adapter.layers[matrix.layer][static_cast<size_t>(matrix.part)] = MatrixOf(flat, matrix);
  }
  return adapter;
}

LoraAdapter AdapterParameters::Leaves(const torch::Tensor& flat,
                                      const torch::Tensor& gradient) const {
  LoraAdapter adapter{rank_, scale_, std::vector<AdapterMatrices>(layers_)};
  for (const Matrix& matrix : matrices_) {
    torch::Tensor leaf = MatrixOf(flat, matrix).detach().set_requires_grad(true);
    leaf.mutable_grad() = MatrixOf(gradient, matrix);
    adapter.layers[matrix.layer][static_cast<size_t>(matrix.part)] = std::move(leaf);
  }
  return adapter;
}

}  // namespace elm
